"""The outline of a graph: its scopes, the branches that join, what in it is alike - so that it can be written as blocks."""
