"""TensorFlow Lite Micro: what its interpreter takes of the arena for a program, to the byte."""
