"""RTP and RTCP: packets, sessions, feedback and payload formats (RFC 3550 and its companions)."""

from ._version import __version__

__all__ = ["__version__"]
