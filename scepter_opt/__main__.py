"""`python -m scepter_opt`."""

import sys

from .cli.app import main

__all__ = ["main"]

if __name__ == "__main__":
    sys.exit(main())
