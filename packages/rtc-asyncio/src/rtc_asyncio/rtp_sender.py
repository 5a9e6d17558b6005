"""`RTCRtpSender` (WebRTC 1.0, section 5.2)."""

import uuid
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from rtc_peer import ArgumentError, RtpTransceiver
from rtc_rtp import BufferFullError, EncodedFrame, RtpPacket, parameters_match

from .codec_selection import CodecChoice
from .conversion import w3c_errors
from .dictionaries import converted
from .dtmf import RTCDTMFSender
from .encoding_parameters import changed_encodings
from .errors import InvalidModificationError, InvalidStateError
from .media_services import MediaServices
from .media_stream import MediaStream, stream_ids
from .rtp_codecs import capabilities, codec_of, codec_parameters, extension_parameters, payload_type_of
from .rtp_dictionaries import (
    RTCEncodingOptions,
    RTCResolutionRestriction,
    RTCRtcpParameters,
    RTCRtpCapabilities,
    RTCRtpCodec,
    RTCRtpEncodingParameters,
    RTCRtpSendParameters,
    RTCSetParameterOptions,
)
from .scalability import Scalability
from .sending import SendingPump
from .tracks import MediaStreamTrack, RawFrame, RtpPacketTrack, checked_track

if TYPE_CHECKING:
    from rtc_rtp import SendEncoding, SendParameters

    from .encoded_transform import Transform, TransformSlot
    from .stats import RTCStatsReport
    from .tracks import MediaKind
    from .transports import RTCDtlsTransport


class RTCRtpSender:
    """Sends one track. Connections make them: `RTCPeerConnection.addTrack` and `addTransceiver`."""

    def __init__(
        self,
        handle: RtpTransceiver,
        services: MediaServices,
        track: MediaStreamTrack | None,
        encodings: list[RTCRtpEncodingParameters],
    ) -> None:
        self._handle = handle
        self._services = services
        self._track = track
        self._wanted = {each.rid: each for each in encodings}
        """What the application asked for, by `rid`; whatever the machine knows as well counts there."""
        self._last_returned: RTCRtpSendParameters | None = None
        self._parameters: SendParameters | None = None
        self._transform: TransformSlot | None = None
        self._payload_types: dict[int, int] = {}
        """Ours by those of the packets of the track."""
        self._dtmf = RTCDTMFSender(self) if handle.kind == "audio" else None
        self.pump = SendingPump(handle.kind, self, services.factory)
        """Reads the track; for the connection alone."""

    @staticmethod
    def getCapabilities(kind: str, codecs: CodecChoice = "installed") -> RTCRtpCapabilities | None:
        """What could be sent of a kind; None for another word than "audio" or "video".

        Args:
            kind: "audio" or "video".
            codecs: The codec package to ask; None for all that can be packed into RTP.
        """
        return capabilities(kind, codecs)

    @property
    def track(self) -> MediaStreamTrack | None:
        """What is sent."""
        return self._track

    @property
    def kind(self) -> "MediaKind":
        """What it can send: "audio" or "video"."""
        return self._handle.kind

    @property
    def transport(self) -> "RTCDtlsTransport | None":
        """What carries it; None before it was negotiated."""
        return self._services.transport_of(self._handle)

    @property
    def dtmf(self) -> RTCDTMFSender | None:
        """Sends telephone tones; None for video."""
        return self._dtmf

    # --- parameters ---

    def getParameters(self) -> RTCRtpSendParameters:
        """How it sends. Change `encodings` of the result and hand it to `setParameters`."""
        if self._last_returned is None:
            negotiated = self._handle.sender.parameters
            self._last_returned = RTCRtpSendParameters(
                transactionId=str(uuid.uuid4()),
                encodings=[self._encoding(each) for each in self._handle.sender.encodings],
                headerExtensions=extension_parameters(negotiated.header_extensions) if negotiated is not None else [],
                rtcp=RTCRtcpParameters(
                    cname=negotiated.cname if negotiated is not None else None,
                    reducedSize=negotiated is not None and negotiated.reduced_size,
                ),
                codecs=codec_parameters(negotiated.codecs) if negotiated is not None else [],
                degradationPreference=self.pump.degradation_preference,
            )
            self._services.call_soon(self._forget_parameters)
        return deepcopy(self._last_returned)  # so that what the application changes in it can be told

    async def setParameters(
        self,
        parameters: RTCRtpSendParameters | Mapping[str, object],
        setParameterOptions: RTCSetParameterOptions | Mapping[str, object] | None = None,
    ) -> None:
        """Change how it sends, without negotiation.

        Args:
            parameters: What `getParameters` gave in the same turn of the event loop, with other `encodings`.
            setParameterOptions: `encodingOptions` with `keyFrame` ask for key frames.

        Raises:
            InvalidStateError: The transceiver was stopped, or `getParameters` was not called since the last change.
            InvalidModificationError: Something was changed that must stay.
            ValueError: A number is out of range; a RangeError on the Web.
        """
        self._services.check_thread()
        wanted = converted(RTCRtpSendParameters, parameters)
        given = converted(RTCSetParameterOptions, setParameterOptions).encodingOptions
        options = [converted(RTCEncodingOptions, each) for each in given]
        if self._handle.stopping or self._services.closed:
            raise InvalidStateError("the transceiver was stopped")
        last = self._last_returned
        if last is None:
            raise InvalidStateError("getParameters comes before setParameters")
        if options and len(options) != len(last.encodings):
            raise InvalidModificationError("there is one entry of encodingOptions for each encoding, or none")
        known = self._services.options.codecs(self._handle.kind)
        codecs: Sequence[RTCRtpCodec] = last.codecs or [codec_of(each) for each in known]
        encodings = changed_encodings(wanted, last, self._handle.kind, codecs, Scalability(self._services.factory))
        with w3c_errors():
            self._handle.sender.set_encodings(
                applied_encoding(asked, known)
                for asked, known in zip(encodings, self._handle.sender.encodings, strict=True)
            )
        self._wanted = {each.rid: each for each in encodings}
        self.pump.degradation_preference = wanted.degradationPreference
        self._last_returned = None
        self.refresh()
        for option, encoding in zip(options, encodings, strict=False):
            if option.keyFrame:
                self.pump.key_frame_requested(encoding.rid)
        self._services.wake()

    def _forget_parameters(self) -> None:
        self._last_returned = None

    def _encoding(self, known: "SendEncoding") -> RTCRtpEncodingParameters:
        """Return an encoding as it is, with what the machine does not know of it."""
        asked = self._wanted.get(known.rid) or RTCRtpEncodingParameters()
        return replace(
            asked,
            rid=known.rid,
            active=known.active,
            maxBitrate=known.max_bitrate_bps,
            maxFramerate=known.max_framerate,
            scaleResolutionDownBy=known.scale_resolution_down_by if self._handle.kind == "video" else None,
            scalabilityMode=known.scalability_mode,
            priority=known.priority,
        )

    @property
    def transform(self) -> "Transform | None":
        """What encoded frames pass through before they are sent: a function, an `RTCRtpScriptTransform`, or None.

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

    # --- track and streams ---

    async def replaceTrack(self, withTrack: MediaStreamTrack | None) -> None:
        """Send another track, or none, without negotiation.

        Raises:
            TypeError: The new track is of the other kind, or none.
            InvalidStateError: The transceiver was stopped, or the connection is closed.
        """
        self._services.check_thread()
        if self._services.closed:
            raise InvalidStateError("the connection is closed")
        if withTrack is not None and checked_track(withTrack).kind != self._handle.kind:
            raise TypeError(f"this sender sends {self._handle.kind}, the track is {withTrack.kind}")
        if self._handle.stopping:
            raise InvalidStateError("the transceiver was stopped")
        self.set_track(withTrack)

    def setStreams(self, *streams: MediaStream) -> None:
        """Put the track into other streams; the next offer tells the peer.

        Raises:
            TypeError: One of them is no stream.
            InvalidStateError: The connection is closed.
        """
        self._services.check_thread()
        with w3c_errors():
            self._handle.sender.set_streams(stream_ids(streams))
        self._services.wake()

    async def getStats(self) -> "RTCStatsReport":
        """What was counted about what it sends."""
        return await self._services.stats_of(self)

    # --- what its connection and its pump ask; not for applications ---

    sends: Final = True
    """Which of both ends of a transceiver it is."""

    @property
    def handle(self) -> RtpTransceiver:
        """The machine's transceiver."""
        return self._handle

    def set_track(self, track: MediaStreamTrack | None) -> None:
        """Send another track from now on."""
        self._track = track
        self._handle.sender.track_id = None if track is None else track.id
        self.refresh()

    @property
    def can_insert_dtmf(self) -> bool:
        """Whether tones can be sent now."""
        return (
            self._track is not None
            and self._parameters is not None
            and self._handle.sender.encodings[0].active
            and self._handle.sender.can_insert_dtmf
        )

    def insert_dtmf(self, tones: str, duration_ms: int, gap_ms: int) -> None:
        """Play tones."""
        self._services.check_thread()
        with w3c_errors():
            self._handle.sender.insert_dtmf(tones, duration_ms=duration_ms, gap_ms=gap_ms, now=self._services.now)
        self._services.wake()

    @property
    def parameters(self) -> "SendParameters | None":
        """What to send by; None while nothing may be sent."""
        return self._parameters

    def refresh(self) -> None:
        """See anew what may be sent, and send."""
        self._parameters = self._current_parameters()
        self._payload_types.clear()
        if self._parameters is None or self._track is None:
            self.pump.pause()
        else:
            self.pump.start(self._track)

    def _current_parameters(self) -> "SendParameters | None":
        direction = self._handle.current_direction
        if direction is None or not direction.sends or self._handle.stopping:
            return None
        if not self._services.is_connected(self._handle):
            return None
        negotiated = self._handle.sender.parameters
        if negotiated is None or not any(each.codec is not None for each in self._wanted.values()):
            return negotiated
        encodings = tuple(
            replace(each, payload_type=self._chosen_payload_type(each, negotiated)) for each in negotiated.encodings
        )
        return replace(negotiated, encodings=encodings)

    def scale_for(self, frame: RawFrame, encoding: "SendEncoding") -> float:
        """By what to divide width and height of a picture."""
        asked = self._wanted.get(encoding.rid)
        if asked is None or asked.scaleResolutionDownTo is None:
            return encoding.scale_resolution_down_by
        limit = converted(RTCResolutionRestriction, asked.scaleResolutionDownTo)
        width, height = getattr(frame, "width", 0), getattr(frame, "height", 0)
        longest, shortest = max(limit.maxWidth, limit.maxHeight), min(limit.maxWidth, limit.maxHeight)
        return max(1.0, max(width, height) / longest, min(width, height) / shortest)

    def send_frame(self, frame: EncodedFrame, rid: str | None) -> None:
        """Queue a frame, through the transform if there is one; `wake` or `flush` sends it."""
        if self._transform is None:
            self._handle.sender.send_frame(frame, rid=rid, now=self._services.now)
        else:
            self._transform.process(frame)

    def wake(self) -> None:
        """Send soon what is queued."""
        self._services.wake()

    def flush(self) -> None:
        """Send what is queued."""
        self._services.flush()

    def transformed(self, frame: EncodedFrame) -> None:
        """Send a frame that has passed through the transform; one for which there is no room is lost."""
        if self._parameters is None:
            return
        try:
            self._handle.sender.send_frame(frame, rid=frame.rid, now=self._services.now)
        except BufferFullError:
            self.pump.frames_dropped += 1
            self.pump.key_frame_requested(frame.rid)
        except ArgumentError:  # the transform has made something else of it
            self.pump.frames_dropped += 1
        self._services.wake()

    def key_frame_wanted(self, rid: str | None) -> None:
        """Make a key frame of an encoding, or of all."""
        for encoding in self._handle.sender.encodings:
            if rid is None or encoding.rid == rid:
                self.pump.key_frame_requested(encoding.rid)

    def key_frame_requested(self, rid: str | None) -> None:
        """The peer needs a key frame."""
        if self._transform is not None:
            self._transform.key_frame_requested(rid)
        self.pump.key_frame_requested(rid)

    def end(self) -> None:
        """Nothing is sent any more."""
        if self._transform is not None:
            self._transform.end()
        self.pump.close()

    def send_packets(self, packets: Sequence[RtpPacket], track: MediaStreamTrack) -> None:
        """Send packets as ours."""
        negotiated = self._parameters
        if negotiated is None:
            return
        known = self._payload_types
        for packet in packets:
            if packet.payload_type not in known:
                known[packet.payload_type] = self._payload_type_for(packet, track, negotiated)
        services = self._services
        self._handle.sender.send_packets(
            packets,
            rid=negotiated.encodings[0].rid,
            payload_types=known,
            extension_map=track.extension_map if isinstance(track, RtpPacketTrack) else None,
            now=services.now,
        )

    def _payload_type_for(self, packet: RtpPacket, track: MediaStreamTrack, negotiated: "SendParameters") -> int:
        """Find the payload type under which the peer knows the codec of a packet."""
        codecs = track.codecs if isinstance(track, RtpPacketTrack) else ()
        theirs = next((each for each in codecs if each.payload_type == packet.payload_type), None)
        alike = (
            each
            for each in negotiated.codecs
            if theirs is not None
            and each.mime_type.lower() == theirs.mime_type.lower()
            and parameters_match(each.mime_type, each.parameters, theirs.parameters)
        )
        return next(alike, negotiated.codecs[0]).payload_type

    def _chosen_payload_type(self, encoding: "SendEncoding", negotiated: "SendParameters") -> int | None:
        asked = self._wanted.get(encoding.rid)
        if asked is None or asked.codec is None:
            return encoding.payload_type
        return payload_type_of(converted(RTCRtpCodec, asked.codec), negotiated.codecs)


def applied_encoding(asked: RTCRtpEncodingParameters, known: "SendEncoding") -> "SendEncoding":
    """Return the machine's encoding with what the application asks for."""
    return replace(
        known,
        active=asked.active,
        max_bitrate_bps=asked.maxBitrate,
        max_framerate=asked.maxFramerate,
        scale_resolution_down_by=asked.scaleResolutionDownBy or 1.0,
        scalability_mode=asked.scalabilityMode,
        priority=asked.priority,
        network_priority=asked.networkPriority or asked.priority,
        packet_time_ms=asked.ptime,
        adaptive_packet_time=asked.adaptivePtime,
    )
