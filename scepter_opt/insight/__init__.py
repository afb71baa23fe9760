"""What can be seen before and after a run."""
