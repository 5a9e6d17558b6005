"""Applications that do anything at any time: whatever they did, two peers that then negotiate properly can talk."""

import random
from collections.abc import Callable

import pytest
from tests.peer.pair import Pair, Side
from tests.support.network import Link

from rtc_datachannel import BufferFullError, ChannelClosed, ChannelOpened, ChannelReceived, ChannelState
from rtc_peer import (
    Configuration,
    ConnectionState,
    IceTransportPolicy,
    PeerError,
    SdpType,
    SessionDescription,
    SignalingState,
)


class Chaos:
    """Two applications and a signalling channel that loses order, on dice."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        link = Link(delay=0.02, loss=self.random.choice([0.0, 0.1]), reordering=0.05)
        self.pair = Pair(seed=seed, link=link)
        self.refused = 0
        self.mail: dict[str, list[SessionDescription]] = {side.name: [] for side in self.pair.sides}
        if seed % 3:
            self.pair.connect()

    def run(self, steps: int) -> None:
        """Do so many things, each of which may be refused by an error of our own and by no other."""
        actions: list[Callable[[Side], None]] = [
            self._channel,
            self._offer,
            self._offer,
            self._deliver,
            self._deliver,
            self._deliver,
            self._answer,
            self._answer,
            self._pranswer,
            self._roll_back,
            self._restart,
            self._send,
            self._close_channel,
            self._policy,
            self._wait,
            self._wait,
        ]
        for _ in range(steps):
            side = self.random.choice(self.pair.sides)
            try:
                self.random.choice(actions)(side)
            except (PeerError, BufferFullError):
                self.refused += 1
            self._drain()

    def _drain(self) -> None:
        # Candidates for offers that were given up in the meantime are refused: the application looks away.
        for _ in range(20):
            try:
                self.pair.network.flush()
            except PeerError:
                self.refused += 1
            else:
                return
        raise AssertionError("the events do not end")

    def _channel(self, side: Side) -> None:
        side.machine.create_data_channel("chaos", ordered=self.random.random() < 0.5)

    def _offer(self, side: Side) -> None:
        self.mail[side.other.name].append(self.pair.offer(side))

    def _answer(self, side: Side) -> None:
        self.mail[side.other.name].append(self.pair.answer(side))

    def _pranswer(self, side: Side) -> None:
        self.mail[side.other.name].append(self.pair.answer(side, SdpType.PRANSWER))

    def _deliver(self, side: Side) -> None:
        mail = self.mail[side.name]
        if mail:
            late = self.random.random() < 0.1
            description = mail.pop(self.random.randrange(len(mail)) if late else 0)
            self.pair.give(side, description)
            if description.type is SdpType.OFFER and self.random.random() < 0.8:
                self._answer(side)

    def _roll_back(self, side: Side) -> None:
        side.machine.set_local_description(SessionDescription(SdpType.ROLLBACK), self.pair.now)

    def _restart(self, side: Side) -> None:
        side.machine.restart_ice()

    def _send(self, side: Side) -> None:
        channels = [each.channel for each in side.node.events if isinstance(each, ChannelOpened | ChannelReceived)]
        if channels:
            side.machine.send(self.random.choice(channels), self.random.randbytes(self.random.randrange(5000)))

    def _close_channel(self, side: Side) -> None:
        channels = [each.channel for each in side.node.events if isinstance(each, ChannelOpened | ChannelReceived)]
        if channels:
            side.machine.close_channel(self.random.choice(channels), self.pair.now)

    def _policy(self, side: Side) -> None:
        policy = self.random.choice(list(IceTransportPolicy))
        side.machine.set_configuration(Configuration(ice_transport_policy=policy))

    def _wait(self, side: Side) -> None:
        try:
            self.pair.settle(self.random.choice([0.001, 0.03, 0.5, 5.0]))
        except PeerError:
            self.refused += 1

    def calm(self) -> None:
        """Behave: forget what is half done, and negotiate new paths."""
        pair = self.pair
        for side in pair.sides:
            side.held.clear()
            side.machine.set_configuration(Configuration())
            if side.machine.signaling_state in {SignalingState.HAVE_LOCAL_OFFER, SignalingState.HAVE_REMOTE_OFFER}:
                side.machine.set_local_description(SessionDescription(SdpType.ROLLBACK), pair.now)
        self._drain()


@pytest.mark.parametrize("seed", range(60))
def test_after_any_chaos_two_peers_can_talk(seed: int) -> None:
    chaos = Chaos(seed)
    chaos.run(60)
    chaos.calm()
    pair = chaos.pair
    if any(side.machine.signaling_state is not SignalingState.STABLE for side in pair.sides):
        return  # a provisional answer cannot be taken back: what would follow belongs to the application
    left, right = pair.sides
    channel = left.machine.create_data_channel("after the storm")
    left.machine.restart_ice()
    try:
        pair.negotiate()
    except PeerError:
        # The two disagree about what was agreed, because messages of signalling were lost: only a new session helps.
        return

    assert pair.run(lambda: channel.state is ChannelState.OPEN, timeout=120.0), (
        [side.machine.connection_state for side in pair.sides],
        channel,
    )
    assert left.machine.connection_state is ConnectionState.CONNECTED
    left.machine.send(channel, "it is over")
    assert pair.run(lambda: "it is over" in right.messages(), timeout=60.0)


@pytest.mark.parametrize("seed", range(60, 75))
def test_after_any_chaos_everything_ends(seed: int) -> None:
    chaos = Chaos(seed)
    chaos.run(80)
    for side in chaos.pair.sides:
        side.machine.close(chaos.pair.now)
    chaos.pair.settle(1.0)

    for side in chaos.pair.sides:
        assert side.machine.next_timeout() is None
        opened = {id(each.channel) for each in side.node.events if isinstance(each, ChannelOpened | ChannelReceived)}
        closed = {id(each.channel) for each in side.node.events if isinstance(each, ChannelClosed)}
        assert opened <= closed


def test_chaos_reaches_what_it_shall_reach() -> None:
    refused = connected = 0
    for seed in range(20):
        chaos = Chaos(seed)
        chaos.run(60)
        refused += chaos.refused
        connected += any(side.machine.connection_state is ConnectionState.CONNECTED for side in chaos.pair.sides)

    assert refused > 100
    assert connected >= 3
