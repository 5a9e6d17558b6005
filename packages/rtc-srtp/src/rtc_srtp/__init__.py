"""SRTP and SRTCP: protect and unprotect packets (RFC 3711, 7714)."""

from ._version import __version__

__all__ = ["__version__"]
