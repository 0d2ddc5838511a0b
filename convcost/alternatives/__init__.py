"""One layer, several ways to build it."""
