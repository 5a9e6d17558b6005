"""What an encoder makes and a decoder takes: one encoded frame, and what is known about it.

A frame of video is one picture with all its layers (RFC 7656 calls it an access unit); a frame of audio is what one packet carries.
"""

from rtc_rtp.dataclass import dataclass
from rtc_rtp.extensions.audio_level import AudioLevel
from rtc_rtp.extensions.video import VideoOrientation


@dataclass(slots=True)
class FrameMetadata:
    """What the payload format tells about a video frame without decoding it. None: the format does not say."""

    width: int | None = None
    """Pixels; most formats say it in key frames alone. Of several spatial layers: the largest."""
    height: int | None = None
    """Pixels, as `width`."""
    spatial_id: int | None = None
    """The highest spatial layer in the frame, 0 the lowest."""
    temporal_id: int | None = None
    """Temporal layer, 0 the lowest: a receiver may drop all frames above one of them."""
    layer_sync: bool = False
    """From this frame on a receiver may go up to its temporal layer: it depends on the base layer alone."""
    frame_id: int | None = None
    """What the format numbers frames with (PictureID of VP8 and VP9), 7 or 15 bits that wrap around."""
    base_layer_index: int | None = None
    """TL0PICIDX of VP8 and VP9: running number of frames of temporal layer 0, 8 bits that wrap around."""
    key_frame_index: int | None = None
    """KEYIDX of VP8: running number of the key frame that this one needs, 5 bits that wrap around."""
    discardable: bool = False
    """No other frame depends on this one."""
    dependencies: tuple[int, ...] | None = None
    """The `frame_id` of each frame without which this one cannot be decoded."""


@dataclass(slots=True)
class EncodedFrame:
    """One encoded frame, whole.

    Make one with the first three fields to send it (`packetize` of a payload format looks at nothing else but `metadata`); received ones
    are filled as far as the network told.
    """

    data: bytes
    """The bitstream as encoders and decoders know it: H.264 and H.265 in Annex B form, AV1 as OBUs with sizes and no temporal delimiter."""
    timestamp: int
    """RTP timestamp in ticks of the codec's RTP clock rate, 32 bits."""
    keyframe: bool = True
    """Decoding may start here. Always true for audio."""
    payload_type: int | None = None
    ssrc: int | None = None
    csrcs: tuple[int, ...] = ()
    """Contributing sources, if a mixer made it."""
    rid: str | None = None
    """RtpStreamId of the simulcast encoding. See :rfc:`8852`."""
    mime_type: str | None = None
    """As in SDP, "video/VP8"."""
    capture_time: float | None = None
    """When it was captured, seconds since the Unix epoch by the sender's clock as far as this is known."""
    received_at: float | None = None
    """When its last packet came, seconds of the receiver's `now`."""
    audio_level: AudioLevel | None = None
    orientation: VideoOrientation | None = None
    """How the picture has to be turned before it is shown; None: not at all, or nobody says."""
    metadata: FrameMetadata | None = None
    first_sequence_number: int | None = None
    """RTP sequence number of the frame's first packet, 16 bits."""
    last_sequence_number: int | None = None
