"""The objects that callers hold: a network with all its queries, and several networks side by side."""
