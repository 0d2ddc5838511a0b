"""Boards as data: their memory, what a runtime's code takes of it, and whether a network fits."""
