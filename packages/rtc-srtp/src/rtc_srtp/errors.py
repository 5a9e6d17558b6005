"""What goes wrong, named by whose fault it is.

A peer's fault, or an attacker's, is an `UnprotectError`; its ``reason`` is what to count it under. The caller's fault is
`StateError`, or `ValueError` for an argument that no state would allow. None of them leaves anything changed.
"""

from typing import ClassVar


class SrtpError(Exception):
    """Root of every error of this package."""


class StateError(SrtpError):
    """The caller asked for something that the object cannot do now; nothing was changed."""


class KeyExhaustedError(StateError):
    """The key has protected as many packets as it may: the caller has to bring a new one."""


class PacketReuseError(StateError):
    """A packet of this index was protected before: another one under the same keystream would give both away."""


class UnencryptableError(SrtpError, ValueError):
    """Cryptex is on, and the packet has a header extension that it cannot encrypt where it has to, or that looks encrypted."""


class UnprotectError(SrtpError):
    """A packet that must not be used, with the reason. It changed nothing: no roll-over counter, no replay list, no table of sources."""

    reason: ClassVar[str] = "unusable"
    """A short text that is the same for every error of the class, for counters."""


class ParseError(UnprotectError, ValueError):
    """It is not an RTP or RTCP packet, or too short to carry what protects it."""

    reason = "malformed"


class AuthenticationError(UnprotectError):
    """Nothing proves that a holder of the key sent it: the authentication tag is wrong."""

    reason = "not authentic"


class ReplayError(UnprotectError):
    """It was received before, or is so old that nobody knows."""

    reason = "replayed"


class UnknownKeyError(UnprotectError):
    """Its master key identifier names no key that we have."""

    reason = "unknown key"


class UnencryptedError(UnprotectError):
    """It, or its header, was sent in the clear where encryption is demanded."""

    reason = "unencrypted"


class KeyExpiredError(UnprotectError):
    """Its key has outlived the number of packets that it may protect."""

    reason = "key expired"


class SourceLimitError(UnprotectError):
    """It is from a new synchronization source, and there are as many as there may be."""

    reason = "too many sources"
