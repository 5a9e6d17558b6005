"""The event classes of WebRTC 1.0. `payload` is what handlers attached with `on` receive."""

from .errors import RTCError
from .event_target import Event
from .ice_candidate import RTCIceCandidate, RTCIceCandidatePair


class MessageEvent(Event):
    """A message arrived on a data channel.

    Attributes:
        data: `str` for text, `bytes` for binary messages.
    """

    __slots__ = ("data",)

    def __init__(self, type: str, *, data: str | bytes) -> None:
        super().__init__(type)
        self.data = data

    def payload(self) -> tuple[str | bytes]:
        """The message."""
        return (self.data,)


class RTCErrorEvent(Event):
    """A transport or a channel failed.

    Attributes:
        error: What happened.
    """

    __slots__ = ("error",)

    def __init__(self, type: str, *, error: RTCError) -> None:
        super().__init__(type)
        self.error = error

    def payload(self) -> tuple[RTCError]:
        """The error."""
        return (self.error,)


class RTCIceCandidatePairEvent(Event):
    """A pair of candidates appeared, took a step, was nominated or disappeared (WebRTC Extensions).

    Attributes:
        candidatePair: The pair.
        state: As in the statistics: frozen, waiting, in-progress, succeeded or failed; None if the pair is gone.
    """

    __slots__ = ("candidatePair", "state")

    def __init__(self, type: str, *, candidatePair: RTCIceCandidatePair, state: str | None = None) -> None:
        super().__init__(type)
        self.candidatePair = candidatePair
        self.state = state

    def payload(self) -> tuple[RTCIceCandidatePair]:
        """The pair."""
        return (self.candidatePair,)


class RTCPeerConnectionIceEvent(Event):
    """A local candidate was gathered; signal it to the peer.

    Attributes:
        candidate: The candidate; its `candidate` text is empty at the end of a generation, and None comes when all gathering is done.
        url: The STUN or TURN server it was learnt from.
    """

    __slots__ = ("candidate", "url")

    def __init__(self, type: str, *, candidate: RTCIceCandidate | None = None, url: str | None = None) -> None:
        super().__init__(type)
        self.candidate = candidate
        self.url = url

    def payload(self) -> tuple[RTCIceCandidate | None]:
        """The candidate, None at the end."""
        return (self.candidate,)


class RTCPeerConnectionIceErrorEvent(Event):
    """Gathering from a STUN or TURN server failed; other candidates are not affected.

    Attributes:
        address: Local address that was used, None where it is not known to the application.
        port: The port that belongs to `address`.
        url: The server.
        errorCode: The STUN error code, 300 to 699, or 701 where the server could not be reached.
        errorText: The server's reason, or ours.
    """

    __slots__ = ("address", "errorCode", "errorText", "port", "url")

    def __init__(
        self,
        type: str,
        *,
        errorCode: int,
        address: str | None = None,
        port: int | None = None,
        url: str = "",
        errorText: str = "",
    ) -> None:
        super().__init__(type)
        self.address = address
        self.port = port
        self.url = url
        self.errorCode = errorCode
        self.errorText = errorText

    def payload(self) -> "tuple[RTCPeerConnectionIceErrorEvent]":
        """The event itself: several of its members matter."""
        return (self,)
