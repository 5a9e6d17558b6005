"""Networks that change: addresses come and go, and the session moves to another pair without a restart."""

from dataclasses import replace

import pytest
from tests.support.network import Link

from rtc_ice import Candidate, ConnectionState, IceConfig
from rtc_stun import ICE_ATTRIBUTES, Address, Datagram, GoogNomination, Message, MessageClass, UseCandidate

from .relay_call import UDP, RelayCall, selected_pair
from .session import Call, Party, Watch, simple_call

CONTINUAL = IceConfig(continual=True)
GOOD = (ConnectionState.CONNECTED, ConnectionState.COMPLETED)


def _settled(seed: int = 1, *, alice: IceConfig = CONTINUAL, bob: IceConfig = CONTINUAL) -> Call:
    """A call whose pair has been chosen long ago."""
    call = simple_call(seed=seed, alice=alice, bob=bob)
    call.start()
    assert call.run(call.completed)
    call.run(timeout=20.0)
    return call


def _appear(call: Call, party: Party, host: str, port: int = 6000) -> Address:
    """Give a host another address, and tell its agent."""
    party.host.hosts.append(host)
    party.host.realm.members[host] = party.host
    address = call.network.bind(party.node, party.host.bind(port, host))
    party.agent.add_local_address(address, call.network.now)
    call.network.flush()
    return address


def _vanish(call: Call, party: Party, *, told: bool = True) -> None:
    """Take the first address away, and tell its agent of it, or not."""
    gone = party.host.hosts.pop(0)
    del party.host.realm.members[gone]
    if told:
        [address] = [each for each in party.host.nodes if each[0] == gone]
        party.agent.remove_local_address(Address(*address), call.network.now)
    call.network.flush()


def _nominations(watch: Watch) -> list[tuple[Address, int | None]]:
    """The nominations that left: to where, and with which number."""
    found = []
    for _, datagram in watch.seen:
        message = Message.parse(datagram.data, ICE_ATTRIBUTES)
        if message.message_class is MessageClass.REQUEST and message.get(UseCandidate) is not None:
            number = message.get(GoogNomination)
            found.append((datagram.remote, None if number is None else number.value))
    return found


@pytest.mark.parametrize("mover", [0, 1], ids=["controlling", "controlled"])
@pytest.mark.parametrize("new_first", [True, False], ids=["new before old is gone", "old gone before new"])
def test_an_agent_moves_to_another_address(mover: int, new_first: bool) -> None:
    call = _settled()
    party = call.parties[mover]

    if new_first:
        _appear(call, party, "192.0.2.77")
        _vanish(call, party)
    else:
        _vanish(call, party)
        _appear(call, party, "192.0.2.77")

    assert call.run(lambda: call.agree() and call.both(*GOOD), timeout=5.0)
    assert party.agent.selected_pair is not None
    assert party.agent.selected_pair.local.host == "192.0.2.77"
    assert ConnectionState.FAILED not in party.states + call.parties[1 - mover].states


def test_both_move_at_once() -> None:
    call = _settled()

    for party, host in ((call.alice, "192.0.2.77"), (call.bob, "192.0.2.88")):
        _appear(call, party, host)
    call.run(timeout=1.0)
    for party in call.parties:
        _vanish(call, party)

    assert call.run(lambda: call.agree() and call.both(*GOOD), timeout=5.0)


@pytest.mark.parametrize("mover", [0, 1], ids=["controlling", "controlled"])
def test_who_is_not_told_that_an_address_is_gone_notices(mover: int) -> None:
    call = _settled()

    _appear(call, call.parties[mover], "192.0.2.77")
    call.run(timeout=1.0)
    _vanish(call, call.parties[mover], told=False)

    assert call.run(lambda: call.agree() and call.both(*GOOD) and _is_new(call, mover), timeout=30.0)


def _is_new(call: Call, mover: int) -> bool:
    pair = call.parties[mover].agent.selected_pair
    return pair is not None and pair.local.host == "192.0.2.77"


@pytest.mark.parametrize("seed", range(8))
def test_an_agent_that_wanders_for_hours_is_followed_on_a_bad_network(seed: int) -> None:
    call = Call(seed=seed, link=Link(delay=0.02, loss=0.1), alice=CONTINUAL, bob=CONTINUAL)
    for host in ("192.0.2.1", "192.0.2.2"):
        call.join(call.network.host(host))
    call.start()
    assert call.run(call.completed)

    for step in range(6):
        party = call.parties[(seed + step) % 2]
        _appear(call, party, f"192.0.2.{100 + step}", 6000 + step)
        _vanish(call, party)
        assert call.run(lambda: call.agree() and call.both(*GOOD), timeout=25.0), step
        call.run(timeout=40.0 * (step % 3))


def test_nominations_are_numbered_and_the_last_one_holds() -> None:
    call = simple_call(alice=CONTINUAL, bob=CONTINUAL)
    call.alice.node.tap = watch = Watch()
    call.start()
    assert call.run(call.completed)

    address = _appear(call, call.bob, "192.0.2.77")
    _vanish(call, call.bob)
    assert call.run(lambda: call.agree() and call.both(*GOOD), timeout=5.0)

    numbers = [number for _, number in _nominations(watch)]
    assert numbers == sorted(number for number in numbers if number is not None)
    assert _nominations(watch)[0][1] == 1
    assert _nominations(watch)[-1] == (address, 2)


def test_a_nomination_that_was_overtaken_changes_nothing() -> None:
    call = _settled()
    call.alice.node.tap = watch = Watch()
    _appear(call, call.alice, "192.0.2.77")
    _vanish(call, call.alice)
    assert call.run(lambda: call.agree() and call.both(*GOOD), timeout=5.0)
    before = call.bob.agent.selected_pair
    [_, *_] = _nominations(watch)

    # The first nomination again, as a replay of what was sent from the old address.
    first = simple_call(alice=CONTINUAL, bob=CONTINUAL)
    first.alice.node.tap = old = Watch()
    first.start()
    first.run(first.completed)
    for _, datagram in old.seen:
        if Message.parse(datagram.data, ICE_ATTRIBUTES).get(UseCandidate) is not None:
            replay = Datagram(datagram.data, Address("192.0.2.2", 5000), Address("192.0.2.1", 5000))
            call.bob.agent.receive_datagram(replay, call.network.now)
    call.network.flush()
    call.run(timeout=3.0)

    assert call.bob.agent.selected_pair == before


@pytest.mark.parametrize(("alice", "bob"), [(CONTINUAL, IceConfig()), (IceConfig(), CONTINUAL)])
def test_nothing_is_numbered_unless_both_understand_it(alice: IceConfig, bob: IceConfig) -> None:
    call = simple_call(alice=alice, bob=bob)
    call.alice.node.tap = watch = Watch()
    call.start()
    assert call.run(call.completed)
    call.run(timeout=20.0)

    assert {number for _, number in _nominations(watch)} == {None}


@pytest.mark.spec("rfc8839:4.3.4/4")
def test_a_controlling_agent_does_not_nominate_again_a_peer_that_would_not_understand() -> None:
    call = _settled(bob=IceConfig())
    call.alice.node.tap = watch = Watch()

    _appear(call, call.alice, "192.0.2.77")
    _vanish(call, call.alice)
    call.run(timeout=10.0)

    assert _nominations(watch) == []


def test_without_any_address_the_session_waits_and_then_gives_up() -> None:
    call = _settled()

    _vanish(call, call.alice)
    call.run(timeout=1.0)
    at_first = call.alice.agent.connection_state
    call.run(timeout=31.0)

    assert at_first is ConnectionState.DISCONNECTED
    assert call.alice.agent.connection_state is ConnectionState.FAILED


def test_a_session_that_gave_up_comes_back_with_an_address_if_the_peer_is_still_there() -> None:
    call = _settled()
    _vanish(call, call.alice)
    call.run(timeout=20.0)

    _appear(call, call.alice, "192.0.2.77")

    assert call.run(lambda: call.agree() and call.both(*GOOD), timeout=5.0)


def test_another_address_of_long_ago_is_enough() -> None:
    call = Call(alice=CONTINUAL, bob=CONTINUAL)
    call.join(call.network.host("192.0.2.1", "192.0.2.11"))
    call.join(call.network.host("192.0.2.2"))
    call.start()
    assert call.run(call.completed)
    call.run(timeout=60.0)

    _vanish(call, call.alice)

    assert call.run(lambda: call.agree() and call.both(*GOOD), timeout=5.0)


def test_an_address_that_appears_without_need_changes_nothing() -> None:
    call = _settled()
    before = call.alice.agent.selected_pair

    _appear(call, call.alice, "192.0.2.77")
    call.run(timeout=60.0)

    assert call.alice.agent.selected_pair == before
    assert [event.candidate.address.host for event in call.alice.candidates] == ["192.0.2.1", "192.0.2.77"]


@pytest.mark.parametrize("mover", [0, 1], ids=["controlling", "controlled"])
def test_a_relay_is_left_when_a_direct_path_appears(mover: int) -> None:
    configs = [replace(CONTINUAL, turn_servers=(UDP,)) for _ in range(2)]
    call = RelayCall(*configs)
    call.both_sit()
    first = {party.host.hosts[0] for party in call.parties}
    for party in call.parties:
        party.node.tap = Watch(lambda datagram: not {datagram.local.host, datagram.remote.host} <= first)
    assert call.run(call.completed, timeout=10)
    call.run(timeout=60.0)
    assert selected_pair(call.alice).is_carried or selected_pair(call.bob).is_carried

    _appear(call, call.parties[mover], "192.0.2.77")

    assert call.run(lambda: _is_direct(call) and call.agree(), timeout=5.0)
    call.run(timeout=60.0)
    assert _is_direct(call)
    assert call.both(*GOOD)


def _is_direct(call: Call) -> bool:
    pairs = [party.agent.selected_pair for party in call.parties]
    return all(
        pair is not None and "relay" not in (pair.local_candidate.type, pair.remote_candidate.type) for pair in pairs
    )


def test_candidates_after_the_end_are_taken_in() -> None:
    call = _settled()

    call.alice.agent.add_remote_candidate(
        Candidate.parse("candidate:9 1 udp 1 192.0.2.99 9999 typ host"), call.network.now
    )
    call.alice.node.tap = watch = Watch()
    call.network.flush()
    call.run(timeout=1.0)

    assert any(datagram.remote == Address("192.0.2.99", 9999) for _, datagram in watch.seen)


def test_without_the_option_a_session_ends_with_its_address() -> None:
    call = _settled(alice=IceConfig(), bob=IceConfig())

    appeared = call.alice.agent.add_local_address(Address("192.0.2.77", 6000), call.network.now)
    _vanish(call, call.alice)

    assert not appeared
    assert call.alice.agent.connection_state is ConnectionState.FAILED


def test_an_idle_continual_session_is_as_quiet_as_another() -> None:
    def traffic(config: IceConfig) -> int:
        call = _settled(alice=config, bob=config)
        before = call.network.traffic.sent
        call.run(timeout=300.0)
        return call.network.traffic.sent - before

    assert traffic(CONTINUAL) <= traffic(IceConfig()) * 1.1


def test_a_lite_agent_follows_too() -> None:
    call = _settled(bob=IceConfig(continual=True, lite=True))

    _appear(call, call.alice, "192.0.2.77")
    _vanish(call, call.alice)

    assert call.run(lambda: call.agree() and call.both(*GOOD), timeout=5.0)


def test_who_follows_in_name_alone_is_found_out() -> None:
    """A peer may nominate the new pair and still send on the old one, as Firefox does: it does not ask for consent here."""
    call = _settled(alice=IceConfig(), bob=CONTINUAL)
    agent = call.bob.agent
    on_time = agent.needs_restart(call.network.now)

    call.alice.node.tap = lambda now, datagram: False
    call.run(timeout=8.0)

    assert not on_time
    assert agent.needs_restart(call.network.now)


def test_a_peer_that_moves_before_it_was_nominated_is_followed() -> None:
    call = simple_call(alice=CONTINUAL, bob=CONTINUAL)
    call.start()
    assert call.run(call.connected)

    # The nomination, if it is on its way, goes where nobody is any more.
    _vanish(call, call.bob)
    _appear(call, call.bob, "192.0.2.77")

    assert call.run(lambda: call.agree() and call.completed(), timeout=6.0)


def test_a_session_that_failed_before_it_was_complete_tries_what_comes() -> None:
    call = simple_call(alice=CONTINUAL, bob=CONTINUAL)
    call.bob.host.up = False
    call.start()
    assert call.run(lambda: call.alice.agent.connection_state is ConnectionState.FAILED, timeout=90.0)

    call.bob.host.up = True
    _appear(call, call.alice, "192.0.2.77")

    assert call.run(call.connected, timeout=5.0)
