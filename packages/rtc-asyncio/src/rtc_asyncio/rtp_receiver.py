"""`RTCRtpReceiver` (WebRTC 1.0, section 5.3)."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Literal, TypeVar

from rtc_peer import RtpTransceiver, ToneReceived
from rtc_rtp import Delivery, EncodedFrame, ExtensionMap, RtpCodec, RtpPacket

from .codec_selection import CodecChoice
from .conversion import w3c_errors
from .event_target import Event, EventHandler, EventTarget
from .frame_queue import FrameReader
from .media_services import MediaServices
from .media_stream import MediaStream
from .receiving import RemoteMedia, RemoteTrack
from .rtp_codecs import capabilities, codec_parameters, extension_parameters
from .rtp_dictionaries import (
    RTCRtcpParameters,
    RTCRtpCapabilities,
    RTCRtpContributingSource,
    RTCRtpReceiveParameters,
    RTCRtpSynchronizationSource,
)
from .rtp_sources import SourceRecord
from .sources import Source

if TYPE_CHECKING:
    from .encoded_transform import Transform, TransformSlot
    from .stats import RTCStatsReport
    from .tracks import MediaKind
    from .transports import RTCDtlsTransport

NoneHandler = TypeVar("NoneHandler", bound=Callable[[], object])

PACKET_LIMIT: Final = 1024
"""How many packets may wait for a reader."""
FRAME_LIMIT: Final = 256
"""How many encoded frames may wait for a reader."""
TONE_LIMIT: Final = 256
"""How many reports of tones may wait for a reader."""


class RTCRtpReceiver(EventTarget):
    """Receives one track. Every transceiver has one, whether the peer sends or not."""

    onssrcchange = EventHandler[Event]()
    oncsrcchange = EventHandler[Event]()

    def __init__(self, handle: RtpTransceiver, services: MediaServices) -> None:
        super().__init__()
        self._handle = handle
        self._services = services
        self._sources = SourceRecord()
        self._packets: Source[RtpPacket] = Source(idle=self._readers_changed, busy=self._readers_changed)
        self._tones: Source[ToneReceived] = Source()
        self._transform: TransformSlot | None = None
        self.media = RemoteMedia(
            handle.kind, services.factory, self._codec_of, self._ask_for_key_frame, self._readers_changed
        )
        """What arrives; for the connection alone."""
        self._track = RemoteTrack(handle.kind, self.media, handle.receiver.track_id)
        self._codecs: dict[int | None, RtpCodec] = {}
        """What was negotiated, by payload type; looked up anew after `refresh`."""
        self.streams: list[MediaStream] = []
        """The streams that the peer has the track in."""

    @staticmethod
    def getCapabilities(kind: str, codecs: CodecChoice = "installed") -> RTCRtpCapabilities | None:
        """What could be received of a kind; None for another word than "audio" or "video".

        Args:
            kind: "audio" or "video".
            codecs: The codec package to ask; None for all that can be taken out of RTP.
        """
        return capabilities(kind, codecs)

    @property
    def track(self) -> RemoteTrack:
        """What is received. It is muted until the peer sends."""
        return self._track

    @property
    def kind(self) -> "MediaKind":
        """What it can receive: "audio" or "video"."""
        return self._handle.kind

    @property
    def transport(self) -> "RTCDtlsTransport | None":
        """What carries it; None before it was negotiated."""
        return self._services.transport_of(self._handle)

    def getParameters(self) -> RTCRtpReceiveParameters:
        """What it is prepared to receive."""
        negotiated = self._handle.receiver.parameters
        if negotiated is None:
            return RTCRtpReceiveParameters()
        return RTCRtpReceiveParameters(
            headerExtensions=extension_parameters(negotiated.header_extensions),
            rtcp=RTCRtcpParameters(reducedSize=negotiated.reduced_size),
            codecs=codec_parameters(negotiated.codecs),
        )

    def getContributingSources(self) -> list[RTCRtpContributingSource]:
        """The sources that a mixer put together, of the last ten seconds, the latest first."""
        found = self._handle.receiver.contributing_sources
        return self._sources.told(found, RTCRtpContributingSource, self._services.now)

    def getSynchronizationSources(self) -> list[RTCRtpSynchronizationSource]:
        """The streams that were received in the last ten seconds, the latest first."""
        found = self._handle.receiver.synchronization_sources
        return self._sources.told(found, RTCRtpSynchronizationSource, self._services.now)

    @property
    def jitterBufferTarget(self) -> float | None:
        """Milliseconds that media shall wait at least for those that are late; None for as short as the network lets them.

        Raises:
            ValueError: It is set to less than 0 or more than 4000; a RangeError on the Web.
        """
        return self._handle.receiver.jitter_buffer_target_ms

    @jitterBufferTarget.setter
    def jitterBufferTarget(self, target: float | None) -> None:
        self._services.check_thread()
        if target is not None and not 0 <= target <= 4000:
            raise ValueError("jitterBufferTarget is 0 to 4000 milliseconds")
        self._handle.receiver.jitter_buffer_target_ms = target
        self._services.wake()

    @property
    def transform(self) -> "Transform | None":
        """What encoded frames pass through before they are decoded or read: a function, an `RTCRtpScriptTransform`, or None.

        Raises:
            InvalidStateError: It is set to a transform that another sender or receiver has.
        """
        return None if self._transform is None else self._transform.transform

    @transform.setter
    def transform(self, transform: "Transform | None") -> None:
        from .encoded_transform import TransformSlot

        self._services.check_thread()
        if self._transform is None:
            self._transform = TransformSlot(self)
        self._transform.assign(transform)

    async def getStats(self) -> "RTCStatsReport":
        """What was counted about what it receives."""
        return await self._services.stats_of(self)

    def on(self, type: Literal["ssrcchange", "csrcchange"]) -> Callable[[NoneHandler], NoneHandler]:
        """Decorate a handler; it receives nothing. Who sends, or whom a mixer has put together, has changed."""
        return self._on(type)

    # --- beyond the W3C: media without codecs ---

    def frames(self, limit: int = FRAME_LIMIT) -> FrameReader[EncodedFrame]:
        """Read encoded frames, in order and whole, beside others: `async for frame in receiver.frames()`. No codec is needed.

        Args:
            limit: How many may wait; of more, the oldest are thrown away.
        """
        return self.media.frames.subscribe(limit)

    def packets(self, limit: int = PACKET_LIMIT) -> FrameReader[RtpPacket]:
        """Read RTP packets as they come, beside others: `async for packet in receiver.packets()`.

        Args:
            limit: How many may wait; of more, the oldest are thrown away.
        """
        return self._packets.subscribe(limit)

    @property
    def codecs(self) -> tuple[RtpCodec, ...]:
        """What the payload types of `packets` stand for: hand it to `RtpPacketTrack`."""
        negotiated = self._handle.receiver.parameters
        return () if negotiated is None else negotiated.codecs

    @property
    def extension_map(self) -> ExtensionMap | None:
        """What the header extensions of `packets` stand for: hand it to `RtpPacketTrack`."""
        negotiated = self._handle.receiver.parameters
        return None if negotiated is None else negotiated.header_extensions

    def tones(self, limit: int = TONE_LIMIT) -> FrameReader[ToneReceived]:
        """Read telephone tones of the peer: `async for tone in receiver.tones()`. Each is told as it goes on, and when it has ended.

        Args:
            limit: How many may wait; of more, the oldest are thrown away.
        """
        return self._tones.subscribe(limit)

    def requestKeyFrame(self, rid: str | None = None) -> None:
        """Ask the peer for a picture that can be decoded by itself.

        Args:
            rid: The encoding, where the peer sends several.
        """
        self._services.check_thread()
        with w3c_errors():
            self._handle.receiver.request_key_frame(rid)
        self._services.wake()

    # --- what its connection does; not for applications ---

    sends: Final = False
    """Which of both ends of a transceiver it is."""

    @property
    def handle(self) -> RtpTransceiver:
        """The machine's transceiver."""
        return self._handle

    def refresh(self) -> None:
        """Something may have been negotiated anew."""
        self._codecs = {}

    def frame_received(self, frame: EncodedFrame) -> None:
        """A frame came."""
        other_ssrc, other_csrcs = self._sources.add(frame)
        if self._transform is None:
            self.media.received(frame)
        else:
            self._transform.process(frame)
        if other_ssrc:
            self.dispatchEvent(Event("ssrcchange"))
        if other_csrcs:
            self.dispatchEvent(Event("csrcchange"))

    def transformed(self, frame: EncodedFrame) -> None:
        """Hand on a frame that has passed through the transform."""
        self.media.received(frame)

    def key_frame_wanted(self, rid: str | None) -> None:
        """Ask for a key frame."""
        self.requestKeyFrame(rid)

    def packet_received(self, packet: RtpPacket) -> None:
        """A packet came."""
        self._packets.push(packet)

    def tone_received(self, tone: ToneReceived) -> None:
        """The peer plays a tone."""
        self._tones.push(tone)

    def close(self, *, told: bool) -> None:
        """Nothing comes any more."""
        if self._transform is not None:
            self._transform.end()
        self.media.close(told=told)
        self._packets.end()
        self._tones.end()

    def _readers_changed(self) -> None:
        """Let the machine put frames together unless packets alone are read."""
        if self._services.closed or self._handle.stopping:
            return
        if not self._packets.read:
            wanted: Delivery = "frames"
        else:
            wanted = "both" if self.media.frames.read else "packets"
        if wanted != self._handle.receiver.deliver:
            self._handle.receiver.deliver = wanted
            self._services.wake()

    def _ask_for_key_frame(self) -> None:
        if self._handle.kind == "video" and not self._services.closed and not self._handle.stopping:
            self.requestKeyFrame()

    def _codec_of(self, frame: EncodedFrame) -> RtpCodec | None:
        known = self._codecs.get(frame.payload_type)
        if known is None:
            negotiated = self._handle.receiver.parameters
            codecs = () if negotiated is None else negotiated.codecs
            self._codecs = {each.payload_type: each for each in codecs}
            known = self._codecs.get(frame.payload_type)
        return known
