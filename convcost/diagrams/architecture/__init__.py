"""The picture of a network: stages as boxes to scale, repeated blocks drawn once, skips and branches as they are."""
