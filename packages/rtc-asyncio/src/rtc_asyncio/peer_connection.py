"""`RTCPeerConnection` (WebRTC 1.0, section 4.4).

All logic is in `rtc_peer.PeerConnection`, a machine without I/O. This class drives it (sockets, time, names) and gives it the W3C's face.
Each operation takes effect at once when its coroutine runs, so that the queue of operations that the specification describes is always empty by the
time the next one begins, and operations keep the order in which they were started.
"""

import asyncio
import os
import time
import warnings
from collections.abc import Awaitable, Callable, Coroutine, Generator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Literal, Self, TypeVar, overload

import rtc_peer
from rtc_ice import IceConfig
from rtc_peer import PeerConnection, PeerOptions, SdpType
from rtc_stun import CloseTransport, OpenTransport

from . import certificate
from .certificate import RTCCertificate
from .channel_services import ChannelServices
from .codec_selection import CodecChoice, CodecSelection, has_default_codecs
from .conversion import as_description, described, to_configuration, w3c_errors
from .data_channel import RTCDataChannel
from .data_channel_api import DataChannelApi
from .dictionaries import (
    RTCAnswerOptions,
    RTCConfiguration,
    RTCIceConnectionState,
    RTCIceGatheringState,
    RTCOfferOptions,
    RTCPeerConnectionState,
    RTCSignalingState,
    converted,
)
from .dispatch import Dispatcher
from .driver import Driver
from .errors import InvalidAccessError, InvalidStateError, NetworkError
from .event_target import AnyHandler, Event, EventHandler
from .events import RTCPeerConnectionIceErrorEvent, RTCPeerConnectionIceEvent
from .host_network import HostNetwork
from .ice_candidate import RTCIceCandidate, candidate_members
from .key_log import KeyLog
from .network_options import NetworkOptions
from .rtp_media_api import RtpMediaApi
from .session_description import RTCSessionDescription

if TYPE_CHECKING:
    from .single_port import SinglePort
    from .stats import RTCStatsReport
    from .tracks import MediaStreamTrack

GATHERING_TIMEOUT: Final = 5.0
"""Seconds that `setLocalDescription` waits for candidates where nobody listens for them one by one."""

_OFFERING: Final = (
    rtc_peer.SignalingState.STABLE,
    rtc_peer.SignalingState.HAVE_LOCAL_OFFER,
    rtc_peer.SignalingState.HAVE_REMOTE_PRANSWER,
)
"""States in which a description without a type is an offer."""

Trace = Callable[[float, str, Mapping[str, object]], None]
Description = RTCSessionDescription | Mapping[str, object]

NoneHandler = TypeVar("NoneHandler", bound=Callable[[], object])
ChannelHandler = TypeVar(
    "ChannelHandler", bound=Callable[[RTCDataChannel], None] | Callable[[RTCDataChannel], Coroutine[None, None, None]]
)
CandidateHandler = TypeVar(
    "CandidateHandler",
    bound=Callable[[RTCIceCandidate | None], None] | Callable[[RTCIceCandidate | None], Coroutine[None, None, None]],
)
TrackHandler = TypeVar("TrackHandler", bound="Callable[[MediaStreamTrack], object]")
CandidateErrorHandler = TypeVar("CandidateErrorHandler", bound=Callable[[RTCPeerConnectionIceErrorEvent], object])


class _Done:
    """Can be awaited, and need not be."""

    def __await__(self) -> Generator[None, None, None]:
        return (yield from asyncio.sleep(0).__await__())


class RTCPeerConnection(DataChannelApi, RtpMediaApi):
    """A connection to another peer. Make it inside a running event loop.

    Args:
        configuration: Servers, policies and certificates.
        hosts: IP addresses of this machine to gather candidates on; all that are up if None.
        network: Which of this machine's addresses and ports are used, and what the peer is told of them.
        port: A port to share with other connections, instead of sockets of its own.
        options: Settings of the layers below, for those who need others than WebRTC's. Unless they have some for ICE, it uses
            loopback addresses that are among the hosts, and follows the network as ``network`` says.
        trace: Takes structured records of all layers: time, name and details.
        codecs: The codec package for raw media; the one that is installed by default. With None nothing is encoded or decoded here, and all
            codecs that can be packed into RTP are negotiated.
        key_log_file: File to which the keys of DTLS are added, for Wireshark; none by default. Whoever has it can read everything.

    Raises:
        TypeError: A member of the configuration has a wrong value.
        ValueError: Both ``hosts`` and ``port`` are given.
        SyntaxError: A server's URI is malformed.
        InvalidAccessError: A certificate has expired, or a server lacks credentials.
        OSError: The file for keys cannot be written.
    """

    onnegotiationneeded = EventHandler[Event]()
    onicecandidate = EventHandler[RTCPeerConnectionIceEvent]()
    onicecandidateerror = EventHandler[RTCPeerConnectionIceErrorEvent]()
    onsignalingstatechange = EventHandler[Event]()
    oniceconnectionstatechange = EventHandler[Event]()
    onicegatheringstatechange = EventHandler[Event]()
    onconnectionstatechange = EventHandler[Event]()

    def __init__(
        self,
        configuration: RTCConfiguration | Mapping[str, object] | None = None,
        *,
        hosts: Sequence[str] | None = None,
        network: NetworkOptions | None = None,
        port: "SinglePort | None" = None,
        options: PeerOptions | None = None,
        trace: Trace | None = None,
        codecs: CodecChoice = "installed",
        key_log_file: str | os.PathLike[str] | None = None,
    ) -> None:
        super().__init__()
        if hosts is not None and port is not None:
            raise ValueError("the port has its hosts already")
        self._loop = asyncio.get_running_loop()
        self._configuration = converted(RTCConfiguration, configuration)
        network = network or NetworkOptions()
        follows = network.follow_changes and hosts is None and port is None
        options = options or PeerOptions()
        if options.ice == IceConfig():
            options = replace(options, ice=IceConfig(allow_loopback=True, continual=follows))
        if has_default_codecs(options.media):
            options = replace(options, media=CodecSelection(codecs, options.media))
        self._key_log = None if key_log_file is None else KeyLog(key_log_file)
        if self._key_log is not None:
            options = replace(options, dtls=replace(options.dtls, key_log=True))
        self._codecs = codecs
        self._media_options = options.media
        with w3c_errors():
            self._peer = PeerConnection(
                rng=os.urandom,
                wall_clock=datetime.now(UTC),
                configuration=network.restricted(to_configuration(self._configuration)),
                options=options,
                trace=trace,
                now=self._loop.time(),
            )
        self._driver = Driver(self._peer, self._happened)
        self._services = ChannelServices(self._peer, self._driver)
        self._dispatcher = Dispatcher(self, self._peer, self._services)
        self._network = HostNetwork(self._peer, self._driver, network, hosts, port)
        self._state_waiters: list[asyncio.Future[None]] = []
        if self._configuration.iceCandidatePoolSize:
            self._driver.wake()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self.close()

    @staticmethod
    async def generateCertificate(keygenAlgorithm: str | Mapping[str, object]) -> RTCCertificate:
        """Make a certificate, to be named in a configuration.

        Args:
            keygenAlgorithm: As Web Crypto has it: `{"name": "ECDSA", "namedCurve": "P-256"}` or
                `{"name": "RSASSA-PKCS1-v1_5", "modulusLength": 2048, "hash": "SHA-256"}`, with `expires` in milliseconds if wanted.

        Raises:
            NotSupportedError: Another algorithm, curve or length.
            TypeError: `expires` is not a number.
        """
        return await certificate.generate(keygenAlgorithm)

    # --- what it is ---

    @property
    def localDescription(self) -> RTCSessionDescription | None:
        """Our description under negotiation, else the one agreed upon last; with the candidates found so far."""
        return described(self._peer.local_description)

    @property
    def currentLocalDescription(self) -> RTCSessionDescription | None:
        """Our description that was agreed upon last."""
        return described(self._peer.current_local_description)

    @property
    def pendingLocalDescription(self) -> RTCSessionDescription | None:
        """Our description under negotiation."""
        return described(self._peer.pending_local_description)

    @property
    def remoteDescription(self) -> RTCSessionDescription | None:
        """The peer's description under negotiation, else the one agreed upon last."""
        return described(self._peer.remote_description)

    @property
    def currentRemoteDescription(self) -> RTCSessionDescription | None:
        """The peer's description that was agreed upon last."""
        return described(self._peer.current_remote_description)

    @property
    def pendingRemoteDescription(self) -> RTCSessionDescription | None:
        """The peer's description under negotiation."""
        return described(self._peer.pending_remote_description)

    @property
    def signalingState(self) -> RTCSignalingState:
        """Where the exchange of offer and answer stands."""
        return self._dispatcher.signaling_state.value

    @property
    def iceGatheringState(self) -> RTCIceGatheringState:
        """How far the search for our candidates is, as the last event told."""
        return self._dispatcher.gathering_state.value

    @property
    def iceConnectionState(self) -> RTCIceConnectionState:
        """How far ICE is on all transports."""
        return self._dispatcher.ice_state.value

    @property
    def connectionState(self) -> RTCPeerConnectionState:
        """How far the connection as a whole is."""
        return self._dispatcher.connection_state.value

    @property
    def canTrickleIceCandidates(self) -> bool | None:
        """Whether the peer takes candidates after its description; None before there is one."""
        return self._peer.can_trickle_ice_candidates

    def getConfiguration(self) -> RTCConfiguration:
        """A copy of what the constructor or `setConfiguration` were given."""
        return replace(self._configuration)

    def setConfiguration(self, configuration: RTCConfiguration | Mapping[str, object] | None = None) -> None:
        """Exchange servers and transport policy, from the next gathering on.

        Raises:
            InvalidStateError: The connection is closed.
            InvalidModificationError: Certificates or policies change that must stay.
        """
        self._driver.check_thread()
        wanted = converted(RTCConfiguration, configuration)
        if self._peer.closed:
            raise InvalidStateError("the connection is closed")
        machine_configuration = self._network.restricted(to_configuration(wanted))
        with w3c_errors():
            self._peer.set_configuration(machine_configuration)
        self._configuration = wanted
        self._driver.wake()

    # --- offer and answer ---

    async def createOffer(self, options: RTCOfferOptions | Mapping[str, object] | None = None) -> RTCSessionDescription:
        """Make an offer; it takes effect when it is set.

        Raises:
            InvalidStateError: The connection is closed, or an offer of the peer awaits its answer.
        """
        wanted = converted(RTCOfferOptions, options)
        if wanted.offerToReceiveAudio is not None or wanted.offerToReceiveVideo is not None:
            self._offer_to_receive(wanted)
        with w3c_errors():
            made = self._peer.create_offer(ice_restart=wanted.iceRestart)
        return RTCSessionDescription(sdp=made.sdp, type="offer")

    async def createAnswer(
        self, options: RTCAnswerOptions | Mapping[str, object] | None = None
    ) -> RTCSessionDescription:
        """Make an answer to the peer's offer; it takes effect when it is set.

        Raises:
            InvalidStateError: The connection is closed, or there is no offer.
        """
        converted(RTCAnswerOptions, options)
        with w3c_errors():
            made = self._peer.create_answer()
        return RTCSessionDescription(sdp=made.sdp, type="answer")

    async def setLocalDescription(self, description: Description | None = None) -> None:
        """Apply our description and begin to gather candidates. Then send `localDescription` to the peer.

        Without an argument it makes the offer or answer that the state asks for. If nothing listens for `icecandidate`, it waits until all
        candidates are in `localDescription`, five seconds at most.

        Raises:
            InvalidStateError: The connection is closed, was closed while waiting, or the type does not fit the state.
            InvalidModificationError: The text is not what was created last.
        """
        with w3c_errors():
            self._peer.set_local_description(self._local(description), self._driver.now)
        self._applied()
        if not self._has_listener("icecandidate"):
            await self._gathered()

    async def setRemoteDescription(self, description: Description | None) -> None:
        """Apply the peer's description. An offer that collides with ours rolls ours back.

        Raises:
            InvalidStateError: The connection is closed, or the type does not fit the state.
            RTCError: The text is not SDP; `errorDetail` is "sdp-syntax-error".
            InvalidAccessError: It is SDP, but not a description that this connection can apply.
        """
        if description is None:
            raise TypeError("there is no description to set")
        wanted = as_description(description)
        try:
            with w3c_errors():
                if wanted.type == "offer" and self._peer.signaling_state is rtc_peer.SignalingState.HAVE_LOCAL_OFFER:
                    # Two operations: ours stays rolled back if the offer turns out to be wrong.
                    self._peer.set_local_description(rtc_peer.SessionDescription(SdpType.ROLLBACK), self._driver.now)
                self._peer.set_remote_description(
                    rtc_peer.SessionDescription(SdpType(wanted.type), wanted.sdp), self._driver.now
                )
        finally:
            self._applied()

    async def addIceCandidate(self, candidate: RTCIceCandidate | Mapping[str, object] | None = None) -> None:
        """Take a candidate that the peer signalled; None, or an empty candidate text, says that no more will come.

        Raises:
            TypeError: A candidate names no section.
            InvalidStateError: The connection is closed, or there is no remote description yet.
            OperationError: No description has this section or user fragment, or the candidate is malformed.
        """
        given = candidate.toJSON() if isinstance(candidate, RTCIceCandidate) else candidate or {}
        text, mid, index, ufrag = candidate_members(given)
        if text and mid is None and index is None:
            raise TypeError("a candidate needs sdpMid or sdpMLineIndex")
        with w3c_errors():
            self._peer.add_ice_candidate(
                text, self._driver.now, sdp_mid=mid, sdp_m_line_index=index, username_fragment=ufrag
            )
        self._driver.flush()

    def restartIce(self) -> None:
        """Ask for new paths: `negotiationneeded` fires, and the next offer has new credentials."""
        self._driver.check_thread()
        self._peer.restart_ice()
        self._driver.wake()

    # --- the rest ---

    async def getStats(self, selector: "MediaStreamTrack | None" = None) -> "RTCStatsReport":
        """What was counted so far, by the names of webrtc-stats.

        Args:
            selector: A track, to choose what belongs to it.

        Raises:
            InvalidAccessError: `selector` is no track that this connection sends or receives, and it has none.
        """
        from .stats import report

        media = self._dispatcher.media
        if selector is not None and media is None:
            raise InvalidAccessError("the connection neither sends nor receives this track")
        if media is None:
            return report(self._peer.statistics(), time.time() * 1000, self._loop.time())
        return media.report() if selector is None else await media.stats_of(media.selected(selector))

    def close(self) -> Awaitable[None]:
        """End the connection at once; the peer is told. No events fire any more. Idempotent.

        It need not be awaited; awaiting it gives the last datagrams their turn.
        """
        if not self._peer.closed:
            self._network.close()
            self._dispatcher.close()
            self._peer.close(self._driver.now)
            self._driver.close()
            self._wake_waiters()
            self._let_go()
        return _Done()

    def __del__(self) -> None:
        network = vars(self).get("_network")
        if network is not None and network.in_use and not self._peer.closed:
            warnings.warn(f"unclosed {self!r}", ResourceWarning, source=self, stacklevel=2)
            self._driver.abandon()

    async def wait_for(self, state: RTCPeerConnectionState) -> None:
        """Wait until `connectionState` is this.

        Raises:
            NetworkError: It became "failed" or "closed" instead.
        """
        while self.connectionState != state:
            if self.connectionState in {"failed", "closed"}:
                raise NetworkError(f"the connection is {self.connectionState}")
            waiter: asyncio.Future[None] = self._loop.create_future()
            self._state_waiters.append(waiter)
            try:
                await waiter
            finally:
                if waiter in self._state_waiters:
                    self._state_waiters.remove(waiter)

    @overload
    def on(self, type: Literal["datachannel"]) -> Callable[[ChannelHandler], ChannelHandler]: ...
    @overload
    def on(self, type: Literal["track"]) -> Callable[[TrackHandler], TrackHandler]: ...
    @overload
    def on(self, type: Literal["icecandidate"]) -> Callable[[CandidateHandler], CandidateHandler]: ...
    @overload
    def on(self, type: Literal["icecandidateerror"]) -> Callable[[CandidateErrorHandler], CandidateErrorHandler]: ...
    @overload
    def on(
        self,
        type: Literal[
            "negotiationneeded",
            "signalingstatechange",
            "iceconnectionstatechange",
            "icegatheringstatechange",
            "connectionstatechange",
        ],
    ) -> Callable[[NoneHandler], NoneHandler]: ...
    def on(self, type: str) -> Callable[[AnyHandler], AnyHandler]:
        """Decorate a handler.

        "datachannel" hands over the channel, "track" the track, "icecandidate" the candidate, "icecandidateerror" its event, the others nothing.
        """
        return self._on(type)

    # --- within ---

    def _happened(self, event: rtc_peer.Event) -> None:
        """Answer the machine's wishes for I/O; everything else concerns the application."""
        if self._peer.closed:
            return  # by a handler of an event that came before
        media = self._dispatcher.media
        if media is not None and media.dispatch(event):
            return  # first, because frames and packets are so many
        match event:
            case rtc_peer.GatheringWanted(transport_id=transport_id):
                self._network.gather(transport_id)
            case rtc_peer.TransportClosed(transport_id=transport_id):
                self._network.transport_closed(transport_id)
                self._dispatcher.dispatch(event)
            case rtc_peer.HostResolutionWanted(host=host):
                self._network.names.resolve(host)
            case OpenTransport():
                self._network.open_stream(event)
            case CloseTransport():
                self._network.close_stream(event)
            case _:
                if isinstance(event, rtc_peer.TrackAdded):
                    self._load_media().dispatch(event)
                    return
                if isinstance(event, rtc_peer.DtlsTransportStateChanged):
                    self._log_keys()
                self._dispatcher.dispatch(event)
                if isinstance(event, rtc_peer.ConnectionStateChanged | rtc_peer.IceGatheringStateChanged):
                    self._wake_waiters()

    def _log_keys(self) -> None:
        """Add the keys that have become known to the file that they are wanted in."""
        if self._key_log is not None:
            self._key_log.add([line for view in self._peer.transports for line in view.key_log_lines()])

    async def _gathered(self) -> None:
        """Wait until all candidates are known, within bounds."""
        deadline = self._loop.time() + GATHERING_TIMEOUT
        while self._peer.ice_gathering_state is rtc_peer.IceGatheringState.GATHERING:
            if self._peer.closed:
                raise InvalidStateError("the connection was closed before all candidates were found")
            waiter: asyncio.Future[None] = self._loop.create_future()
            self._state_waiters.append(waiter)
            try:
                async with asyncio.timeout_at(deadline):
                    await waiter
            except TimeoutError:
                return
            finally:
                if waiter in self._state_waiters:
                    self._state_waiters.remove(waiter)
        if self._dispatcher.gathering_state is not self._peer.ice_gathering_state:
            await asyncio.sleep(0)  # in the turn that is waited for the application is told

    def _applied(self) -> None:
        """A description may have taken effect: tell what it changed."""
        self._driver.flush()
        # Within a handler that runs while events are being told, the flush comes later; but the promise is kept now.
        self._dispatcher.signaling_state = self._peer.signaling_state
        if self._dispatcher.media is not None:
            self._dispatcher.media.refresh()

    def _local(self, given: Description | None) -> rtc_peer.SessionDescription | None:
        """Read `RTCLocalSessionDescriptionInit`: type and text may both be missing."""
        if given is None:
            return None
        if not isinstance(given, RTCSessionDescription) and given.get("type") is None:
            if not given.get("sdp"):
                return None
            given = {"type": "offer" if self._peer.signaling_state in _OFFERING else "answer", "sdp": given["sdp"]}
        wanted = as_description(given)
        return rtc_peer.SessionDescription(SdpType(wanted.type), wanted.sdp)

    def _wake_waiters(self) -> None:
        waiters, self._state_waiters = self._state_waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)
