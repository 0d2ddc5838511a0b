"""Keras models from their configuration alone: `.keras`, legacy `.h5` and `.json` files. Keras is not imported, weights are never read."""
