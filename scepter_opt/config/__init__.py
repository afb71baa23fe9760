"""A node becomes a checked Config. No torch, and no registry."""
