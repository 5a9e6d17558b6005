"""The `rtc` command."""

import sys

from ._version import __version__

try:
    from .main import main
except KeyboardInterrupt:  # a person changed their mind while it was loading
    sys.exit(130)

__all__ = ["__version__", "main"]
