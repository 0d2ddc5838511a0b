"""What counts as an operation: linear functions over the ledger, one per counter, kept as data."""
