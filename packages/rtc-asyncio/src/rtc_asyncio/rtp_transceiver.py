"""`RTCRtpTransceiver` (WebRTC 1.0, section 5.4; header extension control of WebRTC Extensions)."""

from collections.abc import Mapping, Sequence
from typing import Final

from rtc_peer import ExtensionEncryption, HeaderExtensionCapability, RtpTransceiver

from .conversion import w3c_errors
from .dictionaries import converted
from .errors import InvalidModificationError, InvalidStateError
from .media_services import MediaServices
from .rtp_codecs import direction_of, extension_of, machine_direction, preferred_codecs
from .rtp_dictionaries import (
    RTCRtpCodec,
    RTCRtpHeaderExtensionCapability,
    RTCRtpTransceiverDirection,
)
from .rtp_receiver import RTCRtpReceiver
from .rtp_sender import RTCRtpSender
from .tracks import MediaKind

MID_EXTENSION: Final = "urn:ietf:params:rtp-hdrext:sdes:mid"


class RTCRtpTransceiver:
    """A sender and a receiver that share a media section."""

    def __init__(
        self, handle: RtpTransceiver, services: MediaServices, sender: RTCRtpSender, receiver: RTCRtpReceiver
    ) -> None:
        self._handle = handle
        self._services = services
        self._sender = sender
        self._receiver = receiver

    @property
    def mid(self) -> str | None:
        """Name of the media section; None before a description with it was set."""
        return self._handle.mid

    @property
    def kind(self) -> MediaKind:
        """What it carries: "audio" or "video"."""
        return self._handle.kind

    @property
    def sender(self) -> RTCRtpSender:
        """Sends."""
        return self._sender

    @property
    def receiver(self) -> RTCRtpReceiver:
        """Receives."""
        return self._receiver

    @property
    def direction(self) -> RTCRtpTransceiverDirection:
        """What is wanted; set it, and the next offer or answer has it.

        Raises:
            InvalidStateError: It is set, and the transceiver was stopped.
            TypeError: It is set to "stopped", or to what is no direction.
        """
        return "stopped" if self._is_stopping else direction_of(self._handle.direction.value)

    @direction.setter
    def direction(self, direction: RTCRtpTransceiverDirection) -> None:
        self._services.check_thread()
        wanted = direction_of(direction)
        if self._is_stopping:
            raise InvalidStateError("the transceiver was stopped")
        if wanted == self.direction:
            return
        if wanted == "stopped":
            raise TypeError("call stop() to stop a transceiver")
        with w3c_errors():
            self._handle.direction = machine_direction(wanted)
        self._services.wake()

    @property
    def currentDirection(self) -> RTCRtpTransceiverDirection | None:
        """What both sides agreed to; None before that."""
        if self.stopped:
            return "stopped"
        current = self._handle.current_direction
        return None if current is None else direction_of(current.value)

    @property
    def stopped(self) -> bool:
        """Whether it is over; the same as `currentDirection == "stopped"`."""
        return self._handle.stopped or self._services.closed

    @property
    def rtpHeaderEncryptionNegotiated(self) -> bool:
        """Whether its packets are sent with header extensions that the network cannot read (:rfc:`9335`)."""
        return not self._services.closed and self._handle.cryptex_negotiated

    @property
    def _is_stopping(self) -> bool:
        return self._handle.stopping or self._services.closed

    def stop(self) -> None:
        """End it for good. Nothing flows from now on; the next offer tells the peer.

        Raises:
            InvalidStateError: The connection is closed.
        """
        self._services.check_thread()
        if self._services.closed:
            raise InvalidStateError("the connection is closed")
        if self._handle.stopping:
            return
        with w3c_errors():
            self._handle.stop()
        self.end(told=True)
        self._services.wake()

    def setCodecPreferences(self, codecs: Sequence[RTCRtpCodec | Mapping[str, object]]) -> None:
        """Choose the codecs to negotiate and their order; none for the default. The next description has them.

        Raises:
            InvalidModificationError: One is not among the capabilities, or none of them carries media.
        """
        self._services.check_thread()
        chosen = preferred_codecs(codecs, self._handle.kind, self._services.options) if codecs else []
        with w3c_errors():
            self._handle.set_codec_preferences(chosen)
        self._services.wake()

    def getHeaderExtensionsToNegotiate(self) -> list[RTCRtpHeaderExtensionCapability]:
        """The header extensions that the next description has; "stopped" are those that it leaves out."""
        return [extension_of(each) for each in self._handle.header_extensions]

    def setHeaderExtensionsToNegotiate(
        self, extensions: Sequence[RTCRtpHeaderExtensionCapability | Mapping[str, object]]
    ) -> None:
        """Choose the directions of header extensions: all that `getHeaderExtensionsToNegotiate` gave, in its order.

        Raises:
            InvalidModificationError: There are others, or fewer, or one is left out that bundling needs.
        """
        self._services.check_thread()
        wanted = [converted(RTCRtpHeaderExtensionCapability, each) for each in extensions]
        if any(each.uri == MID_EXTENSION and each.direction != "sendrecv" for each in wanted):
            raise InvalidModificationError("bundled sections are told apart by their mid: it is sent and received")
        with w3c_errors():
            encryption = {each.uri: each.encryption for each in self._handle.header_extensions}
            self._handle.set_header_extensions(
                HeaderExtensionCapability(
                    each.uri,
                    machine_direction(each.direction),
                    encryption.get(each.uri, ExtensionEncryption.ACCEPT),
                )
                for each in wanted
            )
        self._services.wake()

    def getNegotiatedHeaderExtensions(self) -> list[RTCRtpHeaderExtensionCapability]:
        """All header extensions with the direction that both sides agreed to, "stopped" for none."""
        sent, received = self._handle.sender.parameters, self._handle.receiver.parameters
        sends = set(sent.header_extensions.values()) if sent is not None else set()
        receives = set(received.header_extensions.values()) if received is not None else set()
        if sent is None and received is None:
            return []
        agreed: dict[tuple[bool, bool], RTCRtpTransceiverDirection] = {
            (True, True): "sendrecv",
            (True, False): "sendonly",
            (False, True): "recvonly",
            (False, False): "stopped",
        }
        return [
            RTCRtpHeaderExtensionCapability(uri=each.uri, direction=agreed[each.uri in sends, each.uri in receives])
            for each in self._handle.header_extensions
        ]

    # --- what its connection does; not for applications ---

    @property
    def handle(self) -> RtpTransceiver:
        """The machine's transceiver."""
        return self._handle

    def end(self, *, told: bool) -> None:
        """Nothing flows any more."""
        self._sender.end()
        self._receiver.close(told=told)
