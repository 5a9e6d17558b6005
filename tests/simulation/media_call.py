"""One whole call of sound and pictures in virtual time, every circumstance chosen by a seed.

Delay, loss, jitter, reordering, duplication; a bottleneck that changes in the middle; who sends what; holding, resuming, adding and restarting while media
flow. Encoders keep to what they are told and send key frames when they are asked. In the end everybody has heard and seen enough, nothing was shown out of
order, nobody stands before a frozen picture, the bottleneck was respected, and no machine has grown.
"""

import pickle
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise

from tests.support.network import Host, Link, Network, Node
from tests.support.rng import SeededRng

import rtc_peer
from rtc_peer import (
    BundlePolicy,
    Configuration,
    FrameReceived,
    KeyFrameRequested,
    PeerConnection,
    PeerOptions,
    RtpTransceiver,
    SignalingState,
    TargetBitrateChanged,
)
from rtc_rtp import EncodedFrame
from rtc_sdp import Direction
from rtc_stun import Address

from .call import REPEATABLE_HANDSHAKE, SimulationError

WALL_CLOCK = datetime(2026, 1, 1, tzinfo=UTC)
DURATION = 12.0
"""Virtual seconds that media flow; the bottleneck changes in the middle."""
TICK = 0.02
"""Seconds of one packet of sound."""
PATIENCE = 60.0
"""Virtual seconds until the connection is up."""
LONGEST_FREEZE = 4.0
"""Virtual seconds without a new picture at the end that nobody complains about."""
LARGEST_STATE = 10_000_000
"""Bytes of a machine in a call, as `pickle` writes it: packets of a second at 50 Mbit/s that may be asked for again, mostly."""


@dataclass
class Encoder:
    """A source of frames of one transceiver."""

    transceiver: RtpTransceiver
    bitrate_bps: int = 300_000
    key_frame_wanted: bool = True
    count: int = 0
    sent: int = 0
    """Frames given away while they could leave."""

    def tick(self, number: int, now: float) -> None:
        """Send what is due: sound every time, pictures every second time."""
        if self.transceiver.kind == "video" and number % 2:
            return
        frame = self._sound(number) if self.transceiver.kind == "audio" else self._picture(number)
        direction = self.transceiver.current_direction
        self.transceiver.sender.send_frame(frame, now=now)
        self.count += 1
        if direction is not None and direction.sends:
            self.sent += 1

    @staticmethod
    def _sound(number: int) -> EncodedFrame:
        return EncodedFrame(number.to_bytes(4, "big") * 20, timestamp=960 * number)

    def _picture(self, number: int) -> EncodedFrame:
        key, self.key_frame_wanted = self.key_frame_wanted, False
        head = b"\x10\x00\x00\x9d\x01\x2a\x80\x02\xe0\x01" if key else b"\x11\x00\x00"
        length = max(60, int(self.bitrate_bps * 0.8 * 2 * TICK / 8)) * (3 if key else 1)
        return EncodedFrame(head + number.to_bytes(4, "big") * (length // 4), timestamp=1800 * number, keyframe=key)


@dataclass
class Party:
    """One side."""

    node: Node
    host: Host
    addresses: dict[int, Address] = field(default_factory=dict)
    """By transport."""
    encoders: dict[int, Encoder] = field(default_factory=dict)
    received: dict[int, list[tuple[float, int]]] = field(default_factory=dict)
    """Times and RTP timestamps of frames by their SSRC."""
    kinds: dict[int, str] = field(default_factory=dict)
    bytes_sent: int = 0

    @property
    def machine(self) -> PeerConnection:
        """The peer connection."""
        assert isinstance(self.node.machine, PeerConnection)
        return self.node.machine


class MediaCall:
    """The call of one seed."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        choose = self.random.choice
        self.bottlenecks = choose([(None, None), (2e6, 600e3), (600e3, 2e6), (1e6, 1e6)])
        self.link = Link(
            delay=choose([0.001, 0.02, 0.08]),
            jitter=choose([0.0, 0.0, 0.01]),
            loss=choose([0.0, 0.0, 0.01, 0.05]),
            duplication=choose([0.0, 0.02]),
            reordering=choose([0.0, 0.02]),
            bandwidth_bps=self.bottlenecks[0],
            queue_length=choose([30_000, 100_000]),
        )
        self.network = Network(seed=seed, link=self.link)
        self.left, self.right = (self._party(seed, index) for index in range(2))
        self.left.node.on_event = lambda event: self._happened(self.left, self.right, event)
        self.right.node.on_event = lambda event: self._happened(self.right, self.left, event)

    @property
    def parties(self) -> tuple[Party, Party]:
        """Both sides."""
        return self.left, self.right

    def run(self) -> None:
        """Connect, talk, change things, compare, close.

        Raises:
            SimulationError: Something did not happen, or happened wrongly.
        """
        for index, party in enumerate(self.parties):
            for kind in self.random.choice([("audio",), ("video",), ("audio", "video")]):
                self._add(party, kind, f"{kind}-{index}")
        self._negotiate(self.left)
        connected = rtc_peer.ConnectionState.CONNECTED
        self._wait(
            lambda: all(party.machine.connection_state is connected for party in self.parties),
            "the connection to be up",
        )
        changes = sorted(self.random.uniform(2.0, DURATION - 5.0) for _ in range(self.random.randint(0, 3)))
        number = 0
        began_at = self.network.now
        sent_at_quiet = 0
        while (elapsed := self.network.now - began_at) < DURATION:
            if elapsed >= DURATION / 2:
                self.link.bandwidth_bps = self.bottlenecks[1]
            if elapsed < DURATION - 4.0:
                sent_at_quiet = max(party.bytes_sent for party in self.parties)
            if changes and elapsed >= changes[0]:
                changes.pop(0)
                self._change()
            number += 1
            for party in self.parties:
                for encoder in list(party.encoders.values()):
                    encoder.tick(number, self.network.now)
            self.network.flush()
            self.network.advance(TICK)
        self._compare(sent_at_quiet)
        self._close()

    # --- circumstances ---

    def _party(self, seed: int, index: int) -> Party:
        host = self.network.host(f"192.0.2.{index + 1}")
        machine = PeerConnection(
            rng=SeededRng(f"{seed} {index}"),
            wall_clock=WALL_CLOCK,
            configuration=Configuration(bundle_policy=BundlePolicy.MAX_BUNDLE),
            options=PeerOptions(dtls=REPEATABLE_HANDSHAKE),
        )
        node = self.network.attach(machine)
        party = Party(node, host)

        def tap(now: float, datagram: object) -> bool:
            party.bytes_sent += len(datagram.data)  # type: ignore[attr-defined]  # a Datagram
            return True

        node.tap = tap
        return party

    def _add(self, party: Party, kind: str, name: str) -> None:
        sender = party.machine.add_track(kind, name, ["stream"])
        party.encoders[sender.transceiver.id] = Encoder(sender.transceiver)

    def _change(self) -> None:
        """Do what happens in calls: hold or resume, add a track, look for new paths."""
        here = self.random.choice(self.parties)
        if here.machine.signaling_state is not SignalingState.STABLE:
            return
        match self.random.randrange(4):
            case 0:
                self._add(here, self.random.choice(["audio", "video"]), f"more-{self.random.random()}"[:20])
            case 1:
                for transceiver in [each.transceiver for each in here.encoders.values()]:
                    if transceiver.stopping:
                        continue
                    hold = Direction.INACTIVE if transceiver.direction.sends else Direction.SENDRECV
                    transceiver.direction = hold
            case 2:
                here.machine.restart_ice()
            case _:
                for encoder in list(here.encoders.values())[:1]:
                    encoder.transceiver.stop()
                    del here.encoders[encoder.transceiver.id]
        self._negotiate(here)

    # --- signalling ---

    def _negotiate(self, here: Party) -> None:
        there = self.right if here is self.left else self.left
        now = self.network.now
        here.machine.set_local_description(None, now)
        assert here.machine.local_description is not None
        there.machine.set_remote_description(here.machine.local_description, now)
        there.machine.set_local_description(None, now)
        assert there.machine.local_description is not None
        here.machine.set_remote_description(there.machine.local_description, now)
        self.network.flush()

    def _happened(self, party: Party, other: Party, event: object) -> None:
        now = self.network.now
        match event:
            case rtc_peer.GatheringWanted(transport_id=transport_id):
                if transport_id not in party.addresses:
                    address = self.network.bind(party.node, party.host.bind(5000 + transport_id))
                    party.addresses[transport_id] = address
                    party.machine.add_local_address(transport_id, address, now)
                party.machine.end_of_local_addresses(transport_id, now)
            case rtc_peer.IceCandidateFound():
                if other.machine.remote_description is not None:
                    other.machine.add_ice_candidate(
                        event.candidate, now, sdp_mid=event.sdp_mid, username_fragment=event.username_fragment
                    )
            case FrameReceived(transceiver=transceiver, frame=frame):
                assert frame.ssrc is not None
                party.received.setdefault(frame.ssrc, []).append((now, frame.timestamp))
                party.kinds[frame.ssrc] = transceiver.kind
            case KeyFrameRequested(transceiver=transceiver):
                if transceiver.id in party.encoders:
                    party.encoders[transceiver.id].key_frame_wanted = True
            case TargetBitrateChanged(shares=shares):
                for share in shares:
                    if share.transceiver.id in party.encoders:
                        party.encoders[share.transceiver.id].bitrate_bps = share.bitrate_bps
            case _:
                pass

    # --- what must be true in the end ---

    def _compare(self, sent_at_quiet: int) -> None:
        for here, there in (self.parties, self.parties[::-1]):
            for frames in there.received.values():
                timestamps = [timestamp for _, timestamp in frames]
                distances = [(after - before) % 2**32 for before, after in pairwise(timestamps)]
                if any(not 0 < distance < 2**31 for distance in distances):
                    raise SimulationError("frames came out of order or twice")
            for encoder in here.encoders.values():
                self._compare_stream(encoder, there)
            dropped = there.machine.stats.dropped
            wrong = {reason: count for reason, count in dropped.items() if reason.startswith("srtp:not")}
            if wrong:
                raise SimulationError(f"honest packets were refused: {wrong}")
            if (size := len(pickle.dumps(here.machine))) > LARGEST_STATE:
                raise SimulationError(f"a machine has grown to {size} bytes")
        bottleneck = self.bottlenecks[1]
        if bottleneck is not None:
            rate = (max(party.bytes_sent for party in self.parties) - sent_at_quiet) * 8 / 4.0
            if rate > 1.5 * bottleneck:
                raise SimulationError(f"{rate:.0f} bit/s were sent into a bottleneck of {bottleneck:.0f}")

    def _compare_stream(self, encoder: Encoder, there: Party) -> None:
        direction = encoder.transceiver.current_direction
        if direction is None or not direction.sends:
            return
        kind = encoder.transceiver.kind
        frames = there.received.get(encoder.transceiver.sender.encodings[0].ssrc, [])
        if not frames:
            raise SimulationError(f"nothing of a stream of {kind} arrived, of {encoder.sent} frames")
        if (
            kind == "audio"
            and len(frames) < encoder.sent * (0.9 - 2 * self.link.loss) - 50
            and self.link.bandwidth_bps is None
        ):
            raise SimulationError(f"only {len(frames)} of {encoder.sent} frames of sound arrived")
        if kind == "video" and (frozen := self.network.now - frames[-1][0]) > LONGEST_FREEZE:
            raise SimulationError(f"the picture is frozen for {frozen:.1f} s")

    def _close(self) -> None:
        self.left.machine.close(self.network.now)
        self.network.run(timeout=1.0)
        if not self.left.machine.closed or self.left.machine.next_timeout() is not None:
            raise SimulationError("the connection did not close")

    def _wait(self, condition: Callable[[], bool], what: str) -> None:
        if not self.network.run(until=condition, timeout=PATIENCE):
            states = [party.machine.connection_state.value for party in self.parties]
            raise SimulationError(f"waited {PATIENCE:g} virtual seconds for {what}; the peers are {states}")
