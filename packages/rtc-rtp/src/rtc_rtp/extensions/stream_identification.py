"""Which media section and which stream a packet belongs to (:rfc:`9143#section-15.2`, :rfc:`8852#section-4`)."""

from typing import Final

from rtc_rtp.errors import ParseError
from rtc_rtp.header_extension import MAX_TWO_BYTE_LENGTH, HeaderExtension


def parse_identifier(data: bytes) -> str:
    """Return the text of an item of a source description, as :rfc:`7941` carries it.

    Raises:
        ParseError: It is empty or not ASCII. Some peers end it in zeros, which are not part of it.
    """
    try:
        text = data.rstrip(b"\0").decode("ascii")
    except UnicodeDecodeError as error:
        raise ParseError(f"an identifier is ASCII, not {data!r}") from error
    if not text:
        raise ParseError("an identifier is not empty")
    return text


def serialize_identifier(text: str) -> bytes:
    """Return the bytes of an identifier.

    Raises:
        ValueError: It is empty, not ASCII, or longer than an extension can be.
    """
    # A `UnicodeEncodeError` is a `ValueError`.
    data = text.encode("ascii")
    if not 0 < len(data) <= MAX_TWO_BYTE_LENGTH:
        raise ValueError(f"an identifier has 1 to {MAX_TWO_BYTE_LENGTH} bytes, not {len(data)}")
    return data


MID: Final = HeaderExtension(
    "urn:ietf:params:rtp-hdrext:sdes:mid", parse=parse_identifier, serialize=serialize_identifier
)
"""Identification tag of the media section: text."""

RID: Final = HeaderExtension(
    "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id", parse=parse_identifier, serialize=serialize_identifier
)
"""Which of several encodings of one source: text."""

REPAIRED_RID: Final = HeaderExtension(
    "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id", parse=parse_identifier, serialize=serialize_identifier
)
"""The `RID` of the stream that this one repairs, by retransmission or error correction: text."""
