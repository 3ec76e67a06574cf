"""Training through `torch.compile`, and the compiler that it needs."""
