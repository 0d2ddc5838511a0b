"""Whole design spaces: the op rules over every point of a grid of knob values at once."""
