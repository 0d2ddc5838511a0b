"""One network's numbers: a result, its table and its JSON in one module each."""
