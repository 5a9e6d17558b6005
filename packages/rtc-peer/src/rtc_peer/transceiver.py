"""RtpTransceiver: a sender and a receiver that share a media section (RFC 8829 section 4.2, section 5.4 of webrtc-pc)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from rtc_peer.capabilities import CodecCapability, HeaderExtensionCapability, MediaKind
from rtc_peer.dataclass import dataclass
from rtc_peer.errors import ArgumentError, ModificationError, StateError
from rtc_peer.receiver import RtpReceiver
from rtc_peer.sender import RtpSender
from rtc_sdp import Direction

if TYPE_CHECKING:
    from rtc_peer.media_services import MediaServices
    from rtc_rtp.parameters import SendEncoding


@dataclass(frozen=True, slots=True)
class Association:
    """The media section that a transceiver belongs to."""

    index: int
    mid: str


class RtpTransceiver:
    """A sender and a receiver that share a media section. Made by the connection alone."""

    __slots__ = (
        "_direction",
        "_extensions",
        "_preferences",
        "_services",
        "association",
        "current_direction",
        "fired_direction",
        "id",
        "kind",
        "name",
        "receive_rids",
        "receiver",
        "sender",
        "stopped",
        "stopping",
        "used_for_sending",
    )

    def __init__(
        self,
        services: MediaServices,
        transceiver_id: int,
        kind: MediaKind,
        *,
        direction: Direction,
        name: str,
        track_id: str | None,
        stream_ids: tuple[str, ...],
        encodings: tuple[SendEncoding, ...],
        receive_rids: tuple[str, ...],
        extensions: tuple[HeaderExtensionCapability, ...],
    ) -> None:
        self._services = services
        self.id = transceiver_id
        """Names it within its connection; never given to another one."""
        self.kind: MediaKind = kind
        self.name = name
        """What descriptions call our track."""
        self._direction = direction
        self.current_direction: Direction | None = None
        """What both sides agreed to; None before that, and once stopped."""
        self.stopping = False
        """`stop` was called: nothing flows any more, and an offer has to tell."""
        self.stopped = False
        """It is over, on both sides or by the peer's will."""
        self.association: Association | None = None
        self.fired_direction: Direction | None = None
        """What the events about the track have told so far. Not for applications."""
        self.used_for_sending = False
        """Whether it has ever been allowed to send. Not for applications."""
        self.receive_rids = receive_rids
        """Names of the encodings that our offers ask for."""
        self._preferences: tuple[CodecCapability, ...] = ()
        self._extensions = extensions
        self.sender = RtpSender(services, self, track_id=track_id, stream_ids=stream_ids, encodings=encodings)
        self.receiver = RtpReceiver(services, self, track_id=name)

    @property
    def mid(self) -> str | None:
        """Name of its media section; None before a description with it was set."""
        return None if self.association is None else self.association.mid

    @property
    def direction(self) -> Direction:
        """What is wanted; assign, and the next offer or answer tells the peer. ``inactive`` once it is stopped."""
        return Direction.INACTIVE if self.stopping else self._direction

    @direction.setter
    def direction(self, direction: Direction) -> None:
        """See section 5.4 of webrtc-pc.

        Raises:
            StateError: It was stopped, or the connection is closed.
        """
        self._services.require_open()
        if self.stopping:
            raise StateError("the transceiver was stopped")
        if direction is not self._direction:
            self._direction = direction
            self._services.touch()

    @property
    def codec_preferences(self) -> tuple[CodecCapability, ...]:
        """What `set_codec_preferences` was given; empty for what the options say."""
        return self._preferences

    def set_codec_preferences(self, codecs: Iterable[CodecCapability]) -> None:
        """Choose the codecs to negotiate, and their order; none for what the options say. The next description has them.

        Raises:
            StateError: The connection is closed.
            ModificationError: One is not among the codecs of the options, or none of them is for media.
        """
        self._services.require_open()
        known = self._services.options.codecs(self.kind)
        wanted: list[CodecCapability] = []
        for codec in codecs:
            if codec not in known:
                raise ModificationError(f"{codec.mime_type} with these parameters is not among the options")
            if codec not in wanted:
                wanted.append(codec)
        # [rfc8854:5.2/2]
        if wanted and all(each.is_supplementary for each in wanted):
            raise ModificationError("nothing but formats that accompany media is left")
        self._preferences = tuple(wanted)

    @property
    def header_extensions(self) -> tuple[HeaderExtensionCapability, ...]:
        """The header extensions to negotiate; ``inactive`` ones are left out."""
        return self._extensions

    def set_header_extensions(self, extensions: Iterable[HeaderExtensionCapability]) -> None:
        """Choose the header extensions to negotiate: all of `header_extensions`, in its order, with other directions or forms.

        Raises:
            StateError: The connection is closed.
            ModificationError: Others, or fewer, are named.
        """
        self._services.require_open()
        chosen = tuple(extensions)
        if [each.uri for each in chosen] != [each.uri for each in self._extensions]:
            raise ModificationError("directions and encryption of header extensions can be changed, nothing else")
        self._extensions = chosen

    def keep_header_extensions(self, answered: Mapping[str, Direction]) -> None:
        """Go on with the directions of an answer, until the application chooses others. Not for applications.

        Args:
            answered: Directions as we see them, by URI; others were not answered.
        """
        self._extensions = tuple(
            replace(each, direction=answered.get(each.uri, Direction.INACTIVE)) for each in self._extensions
        )

    @property
    def cryptex_negotiated(self) -> bool:
        """Whether its packets are sent with their header extensions encrypted as a whole (:rfc:`9335`)."""
        return self._services.cryptex_negotiated(self.id)

    @property
    def codecs(self) -> tuple[CodecCapability, ...]:
        """What will be negotiated, in order of preference."""
        return self._preferences or self._services.options.codecs(self.kind)

    def stop(self) -> None:
        """End it for good. Nothing flows from now on; the next offer frees its section. Does nothing if it was stopped.

        Raises:
            StateError: The connection is closed.
        """
        self._services.require_open()
        if not self.stopping:
            self.stopping = True
            self._services.stopped_by_application()

    def want_sending(self) -> None:
        """Add sending to what is wanted. Not for applications."""
        self._direction = Direction.of(sends=True, receives=self._direction.receives)

    def unwant_sending(self) -> None:
        """Take sending from what is wanted. Not for applications."""
        self._direction = Direction.of(sends=False, receives=self._direction.receives)

    def __repr__(self) -> str:
        state = "stopped" if self.stopping else self._direction.value
        return f"<RtpTransceiver {self.id}: {self.kind}, mid {self.mid}, {state}>"


def check_kind(kind: str) -> MediaKind:
    """Return what kind of media is meant.

    Raises:
        ArgumentError: It is neither audio nor video.
    """
    # [rfc8829:4.1.4/1]
    match kind:
        case "audio":
            return "audio"
        case "video":
            return "video"
        case _:
            raise ArgumentError(f"{kind!r} is neither audio nor video")
