"""Where a number comes from: the rules over ints that record their history, and over symbols."""
