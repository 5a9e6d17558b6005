"""What goes wrong, named by whose fault it is.

A peer's fault is `ParseError`, `IntegrityError` or `FingerprintError`: codecs raise them, machines catch them at the
edge. The caller's fault is `StateError`, or `ValueError` for an argument that no state would allow.
"""


class StunError(Exception):
    """Root of every error of this package."""


class ParseError(StunError, ValueError):
    """The bytes, or the text of a URI, are not what the specification describes."""


class UnsupportedFamilyError(ParseError):
    """An attribute holds an address that is neither IPv4 nor IPv6; `Message.parse` leaves the attribute out."""


class IntegrityError(StunError):
    """Nothing proves that a holder of the key sent it: the integrity attribute is wrong, too short, or absent."""


class FingerprintError(StunError):
    """FINGERPRINT is wrong or absent: the datagram may belong to another protocol."""


class StateError(StunError):
    """The caller asked for something that the object cannot do now; nothing was changed."""
