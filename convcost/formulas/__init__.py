"""Where a number comes from: the rules over ints that remember, and over symbols."""
