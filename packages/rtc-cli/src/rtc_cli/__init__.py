"""The `rtc` command."""

from ._version import __version__
from .main import main

__all__ = ["__version__", "main"]
