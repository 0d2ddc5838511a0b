"""Networks as a device runs them: the program of kernels and tensors, the memory that its runtime takes, its size in flash."""
