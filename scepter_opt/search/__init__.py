"""Where the keys of optimizers are searched."""
