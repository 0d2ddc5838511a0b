"""The spec language: YAML text -> positioned tree -> human form -> graph, and back to text in resolved form."""
