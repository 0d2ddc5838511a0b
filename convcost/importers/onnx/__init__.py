"""ONNX files: a reader of the bytes themselves, and the rules of their ops."""
