"""The spec language: YAML text -> tree with positions -> syntax -> graph, and back to text in resolved form."""
