"""Where the package meets Hydra, training loops and trainers."""
