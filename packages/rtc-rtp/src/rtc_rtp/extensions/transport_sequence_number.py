"""Numbers of packets of a transport, for feedback (draft-holmer-rmcat-transport-wide-cc-extensions-01)."""

from struct import Struct
from typing import Final

from rtc_rtp.dataclass import dataclass
from rtc_rtp.errors import ParseError
from rtc_rtp.extensions.integer import parse_integer, serialize_integer
from rtc_rtp.header_extension import HeaderExtension

_NUMBER: Final = Struct("!H")
_REQUEST: Final = Struct("!HH")
_WITH_TIMES: Final = 0x8000
_MAX_COUNT: Final = 0x7FFF

TRANSPORT_SEQUENCE_NUMBER: Final = HeaderExtension(
    "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
    parse=parse_integer(2, "a transport-wide sequence number"),
    serialize=serialize_integer(2, "a transport-wide sequence number"),
)
"""The packet's number among all of its transport, 16 bits."""


@dataclass(slots=True)
class FeedbackRequest:
    """A transport-wide number and, in some packets, a wish for feedback at once (version 2 of the extension).

    ::

        sequence number, 16 bits
        T | sequence count, 15 bits   (optional)
    """

    sequence_number: int
    """The packet's number among all of its transport, 16 bits."""
    count: int | None = None
    """About how many packets, this one the last, feedback is wanted now: 0 to 32,767, 0 meaning none; None: no word."""
    with_times: bool = True
    """Whether the feedback shall have arrival times."""


def parse_feedback_request(data: bytes) -> FeedbackRequest:
    """Parse the second version of the extension.

    Raises:
        ParseError: It has neither two bytes nor four.
    """
    if len(data) == _NUMBER.size:
        return FeedbackRequest(_NUMBER.unpack(data)[0])
    if len(data) != _REQUEST.size:
        raise ParseError(f"a transport-wide sequence number has 2 or 4 bytes, not {len(data)}")
    number, request = _REQUEST.unpack(data)
    return FeedbackRequest(number, request & _MAX_COUNT, with_times=request >= _WITH_TIMES)


def serialize_feedback_request(value: FeedbackRequest) -> bytes:
    """Return the bytes of the second version of the extension.

    Raises:
        ValueError: A number is out of its range.
    """
    if not 0 <= value.sequence_number <= 0xFFFF:
        raise ValueError(f"a transport-wide sequence number has 16 bits: {value.sequence_number}")
    if value.count is None:
        return _NUMBER.pack(value.sequence_number)
    if not 0 <= value.count <= _MAX_COUNT:
        raise ValueError(f"feedback is about 0 to {_MAX_COUNT} packets, not {value.count}")
    return _REQUEST.pack(value.sequence_number, value.count | (_WITH_TIMES if value.with_times else 0))


TRANSPORT_SEQUENCE_NUMBER_V2: Final = HeaderExtension(
    "http://www.webrtc.org/experiments/rtp-hdrext/transport-wide-cc-02",
    parse=parse_feedback_request,
    serialize=serialize_feedback_request,
)
"""The packet's number among all of its transport, and a wish for feedback: `FeedbackRequest`."""
