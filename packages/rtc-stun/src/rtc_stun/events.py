"""What machines tell their caller, in the past tense; what they wish for stands in `wishes.py`."""

import enum

from rtc_stun.dataclass import dataclass
from rtc_stun.datagram import Address
from rtc_stun.message import Message
from rtc_stun.wishes import CloseTransport, OpenTransport


class FailureReason(enum.Enum):
    """Why a request failed."""

    TIMEOUT = "no response arrived"
    INTEGRITY_VIOLATED = "responses arrived, but none that proved to come from the server"
    ERROR_RESPONSE = "the server answered with an error"
    UNKNOWN_ATTRIBUTES = "the response demands an attribute that we do not know"
    MALFORMED_RESPONSE = "the response lacks an attribute that it must have"
    CREDENTIALS_REFUSED = "the server does not accept the username and password"
    BID_DOWN = "somebody on the path tried to weaken the authentication"
    NO_ALGORITHM = "the server offers no password algorithm that we know"
    REDIRECTION_REFUSED = "the server sent us elsewhere, and we must not follow"
    TRANSPORT_FAILED = "the transport could not be opened, or broke"
    TOO_LARGE = "with credentials the request exceeds what may be sent"
    CANCELLED = "the caller gave up"


@dataclass(slots=True)
class RequestSucceeded:
    """A success response arrived, verified if the request carried credentials."""

    request_id: int
    server: Address
    """Who answered: after a redirection not the one first asked."""
    response: Message
    mapped_address: Address | None
    """XOR-MAPPED-ADDRESS: our address as the server saw it. Never None for the Binding method."""


@dataclass(slots=True)
class RequestFailed:
    """No success response will come."""

    request_id: int
    server: Address
    reason: FailureReason
    error_code: int | None = None
    """What ERROR-CODE said, if an error response decided it."""
    response: Message | None = None
    """The error response, for its other attributes."""


@dataclass(slots=True)
class RequestRedirected:
    """A server named another one, which is being asked now."""

    request_id: int
    server: Address
    """The new one."""
    domain: str | None
    """What its certificate must prove over TLS or DTLS."""


@dataclass(slots=True)
class IndicationReceived:
    """A server sent an indication, verified if the client has a short-term credential."""

    server: Address
    message: Message


@dataclass(slots=True)
class Closed:
    """The machine does nothing any more."""


ClientEvent = (
    RequestSucceeded | RequestFailed | RequestRedirected | IndicationReceived | OpenTransport | CloseTransport | Closed
)
ServerEvent = CloseTransport | Closed
