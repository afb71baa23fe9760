"""A step becomes a factor. No torch, and no registry."""
