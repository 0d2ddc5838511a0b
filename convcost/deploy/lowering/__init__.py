"""Ops of convcost as kernels of TFLite: one small function for each op, as TensorFlow's converter (2.21) writes it."""
