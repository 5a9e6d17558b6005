"""What `RTCPeerConnection.addTransceiver` was asked for, checked (WebRTC 1.0, section 5.1)."""

from collections.abc import Callable, Mapping, Sequence
from typing import Self

from rtc_peer import MediaOptions
from rtc_rtp import SendEncoding
from rtc_sdp import Direction

from .dataclass import dataclass
from .encoding_parameters import initial_encodings
from .media_stream import MediaStream, stream_ids
from .rtp_codecs import codec_of, direction_of, machine_direction
from .rtp_dictionaries import RTCRtpEncodingParameters, RTCRtpTransceiverDirection
from .rtp_sender import applied_encoding
from .scalability import Scalability
from .tracks import MediaKind, MediaStreamTrack


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A transceiver to be."""

    kind: MediaKind
    track: MediaStreamTrack | None
    direction: Direction
    stream_ids: tuple[str, ...]
    encodings: list[RTCRtpEncodingParameters]

    @classmethod
    def of(
        cls,
        track_or_kind: MediaStreamTrack | MediaKind,
        *,
        direction: RTCRtpTransceiverDirection,
        streams: Sequence[MediaStream],
        encodings: Sequence[RTCRtpEncodingParameters | Mapping[str, object]],
        options: MediaOptions,
        scalability: Scalability,
        check_open: Callable[[], None],
    ) -> Self:
        """Check and complete what the application said, in the order of the specification.

        Args:
            track_or_kind: The first argument of `addTransceiver`.
            direction: As in `RTCRtpTransceiverInit`.
            streams: As there.
            encodings: As there.
            options: What could be negotiated.
            scalability: The modes that can be made.
            check_open: Raises if the connection is closed.

        Raises:
            TypeError: The kind, the direction, a stream or a `rid` is wrong.
            OperationError: A codec of an encoding is not among the capabilities, or a scalability mode is not known.
            ValueError: A number of an encoding is out of range.
        """
        track = track_or_kind if isinstance(track_or_kind, MediaStreamTrack) else None
        kind: MediaKind
        if track is not None:
            kind = track.kind
        elif track_or_kind == "audio":
            kind = "audio"
        elif track_or_kind == "video":
            kind = "video"
        else:
            raise TypeError(f"expected a MediaStreamTrack, 'audio' or 'video', not {track_or_kind!r}")
        wanted = direction_of(direction)
        if wanted == "stopped":
            raise TypeError("a transceiver does not begin as stopped")
        check_open()
        known = [codec_of(each) for each in options.codecs(kind)]
        return cls(
            kind=kind,
            track=track,
            direction=machine_direction(wanted),
            stream_ids=stream_ids(streams),
            encodings=initial_encodings(encodings, kind, known, scalability),
        )

    @property
    def machine_encodings(self) -> list[SendEncoding]:
        """The encodings as the machine has them; it draws the SSRCs."""
        return [applied_encoding(each, SendEncoding(ssrc=0, rid=each.rid)) for each in self.encodings]
