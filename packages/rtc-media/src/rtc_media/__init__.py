"""Codecs, players, recorders and synthetic sources for rtc-asyncio (RFC 7874, RFC 7742)."""

from ._version import __version__

__all__ = ["__version__"]
