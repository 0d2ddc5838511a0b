"""PyTorch: programs that torch.export wrote to a file, and modules of the running process."""
