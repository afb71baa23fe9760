"""Which parameter gets which settings."""
