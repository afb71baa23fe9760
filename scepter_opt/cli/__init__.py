"""The package's command."""
