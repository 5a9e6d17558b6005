"""One port for many peers: datagrams find theirs, and lies about who or where one is move nothing."""

import copy
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.effort import examples
from tests.support.rng import SeededRng

from rtc_ice import Candidate, ConnectionState, IceAgent, IceConfig, LocalCandidateGathered, Multiplexer, check_ufrag
from rtc_ice.messages import build_check, build_error, build_keepalive, build_success
from rtc_ice.mux import MAX_PATHS_PER_PEER, MAX_PEERS_PER_PATH, MAX_REQUESTS_PER_PEER, MAX_UFRAGS_PER_PEER
from rtc_stun import BINDING, Address, Datagram, Integrity, Message, MessageClass, short_term_key

HERE = Address("198.51.100.1", 3478)
HOME, OFFICE = Address("192.0.2.1", 5000), Address("192.0.2.2", 5000)
RECORD = b"\x16\xfe\xfd" + bytes(40)


class Peer:
    """Believes what the test says about who is where."""

    def __init__(self, *places: Address) -> None:
        self.places = set(places)

    def is_valid_path(self, local: Address, remote: Address) -> bool:
        return local == HERE and remote in self.places


def check(ufrag: str, source: Address, transaction: int = 1) -> Datagram:
    data = build_check(
        transaction.to_bytes(12),
        username=f"{ufrag}:them",
        key=b"key",
        priority=1,
        controlling=True,
        tie_breaker=1,
        use_candidate=False,
    )
    return Datagram(data, HERE, source)


def record(source: Address) -> Datagram:
    return Datagram(RECORD, HERE, source)


def settle(mux: Multiplexer[Peer], *datagrams: Datagram) -> None:
    mux.route(datagrams)
    mux.route([])


def test_a_check_goes_to_whom_it_names_and_data_to_who_was_proven_there() -> None:
    mux: Multiplexer[Peer] = Multiplexer()
    alice, bob = Peer(HOME), Peer(OFFICE)
    mux.add("alice", alice)
    mux.add("bobby", bob)
    checks = [check("bobby", OFFICE), check("alice", HOME)]

    assert mux.route(checks) == [(bob, checks[:1]), (alice, checks[1:])]
    assert mux.route([record(HOME), record(OFFICE), record(HOME)]) == [
        (alice, [record(HOME)] * 2),
        (bob, [record(OFFICE)]),
    ]
    assert mux.stats.datagrams_routed == 5
    assert mux.stats.dropped == {}


def test_a_keepalive_names_nobody_and_goes_by_its_source() -> None:
    mux: Multiplexer[Peer] = Multiplexer()
    alice = Peer(HOME)
    mux.add("alice", alice)
    settle(mux, check("alice", HOME))
    keepalive = Datagram(build_keepalive(bytes(12)), HERE, HOME)

    assert mux.route([keepalive]) == [(alice, [keepalive])]


@pytest.mark.parametrize(
    ("datagram", "reason"),
    [
        (record(HOME), "unknown-address"),
        (Datagram(b"", HERE, HOME), "unknown-address"),
        (Datagram(build_keepalive(bytes(12)), HERE, HOME), "unknown-address"),
        (check("carol", HOME), "unknown-username"),
        (Datagram(Message(BINDING, MessageClass.REQUEST, bytes(12)).serialize(), HERE, HOME), "no-username"),
        (Datagram(build_error(bytes(12), 400), HERE, HOME), "unknown-transaction"),
        (Datagram(build_success(bytes(12), HOME, b"k", Integrity.SHA1), HERE, HOME), "unknown-transaction"),
    ],
)
def test_what_is_for_nobody_is_dropped_and_counted(datagram: Datagram, reason: str) -> None:
    mux: Multiplexer[Peer] = Multiplexer()
    mux.add("alice", Peer(HOME))

    assert mux.route([datagram]) == []
    assert mux.stats.dropped == {reason: 1}


def test_a_forged_user_fragment_moves_nothing() -> None:
    mux: Multiplexer[Peer] = Multiplexer()
    alice, bob = Peer(HOME), Peer(OFFICE)
    mux.add("alice", alice)
    mux.add("bobby", bob)
    settle(mux, check("alice", HOME), check("bobby", OFFICE))

    # Bob's user fragment from where Alice is; Bob, who has to answer, does not find it proven.
    assert mux.route([check("bobby", HOME)]) == [(bob, [check("bobby", HOME)])]
    assert mux.route([record(HOME)]) == [(alice, [record(HOME)])]


def test_a_participant_that_lies_about_its_address_takes_nothing_away() -> None:
    mux: Multiplexer[Peer] = Multiplexer()
    alice, mallory = Peer(HOME), Peer(OFFICE)
    mux.add("alice", alice)
    mux.add("mallory", mallory)
    settle(mux, check("alice", HOME), check("mallory", OFFICE))

    mallory.places.add(HOME)  # a check under Mallory's own password, sent with Alice's address as source
    settle(mux, check("mallory", HOME))

    assert mux.route([record(HOME)]) == [(alice, [record(HOME)]), (mallory, [record(HOME)])]


def test_liars_cannot_crowd_out_who_is_there() -> None:
    mux: Multiplexer[Peer] = Multiplexer()
    peers = [Peer(HOME) for _ in range(MAX_PEERS_PER_PATH + 2)]
    for number, peer in enumerate(peers):
        mux.add(f"peer{number}", peer)
        settle(mux, check(f"peer{number}", HOME))

    assert [peer for peer, _ in mux.route([record(HOME)])] == peers[:MAX_PEERS_PER_PATH]
    assert mux.stats.dropped == {"crowded-address": 2}


def test_who_is_no_longer_there_makes_room() -> None:
    mux: Multiplexer[Peer] = Multiplexer()
    peers = [Peer(HOME) for _ in range(MAX_PEERS_PER_PATH + 1)]
    for number, peer in enumerate(peers):
        mux.add(f"peer{number}", peer)
    settle(mux, *[check(f"peer{number}", HOME) for number in range(MAX_PEERS_PER_PATH)])

    peers[0].places.clear()
    settle(mux, check(f"peer{MAX_PEERS_PER_PATH}", HOME))

    assert [peer for peer, _ in mux.route([record(HOME)])] == peers[1:]


def test_a_peer_that_moves_is_followed_when_it_is_proven_at_its_new_address() -> None:
    mux: Multiplexer[Peer] = Multiplexer()
    alice = Peer(HOME)
    mux.add("alice", alice)
    settle(mux, check("alice", HOME))

    settle(mux, check("alice", OFFICE))
    assert mux.route([record(OFFICE)]) == []
    alice.places.add(OFFICE)
    settle(mux, check("alice", OFFICE))

    assert mux.route([record(OFFICE)]) == [(alice, [record(OFFICE)])]


def test_an_address_goes_from_a_peer_that_has_left_to_the_next_one() -> None:
    mux: Multiplexer[Peer] = Multiplexer()
    alice, bob = Peer(HOME), Peer(HOME)
    mux.add("alice", alice)
    settle(mux, check("alice", HOME))
    mux.remove(alice)
    assert mux.route([record(HOME)]) == []

    mux.add("bobby", bob)
    settle(mux, check("bobby", HOME))

    assert mux.route([record(HOME)]) == [(bob, [record(HOME)])]


def test_a_response_goes_to_who_asked_wherever_it_comes_from() -> None:
    mux: Multiplexer[Peer] = Multiplexer()
    alice, bob = Peer(), Peer()
    mux.add("alice", alice)
    mux.add("bobby", bob)
    mux.sent(bob, [check("them", HERE, transaction=7), record(HERE)])
    response = Datagram(build_success((7).to_bytes(12), HERE, b"key", Integrity.SHA1), HERE, OFFICE)

    assert mux.route([response]) == [(bob, [response])]
    # A forged first answer leaves room for the true one.
    assert mux.route([response]) == [(bob, [response])]
    bob.places.add(OFFICE)
    settle(mux, response)
    assert mux.route([record(OFFICE)]) == [(bob, [record(OFFICE)])]


def test_a_transaction_of_another_peer_cannot_be_taken_over() -> None:
    mux: Multiplexer[Peer] = Multiplexer()
    alice, mallory = Peer(), Peer()
    mux.add("alice", alice)
    mux.add("mallory", mallory)
    mux.sent(alice, [check("them", HERE, transaction=7)])
    mux.sent(mallory, [check("them", HERE, transaction=7)])
    response = Datagram(build_error((7).to_bytes(12), 400), HERE, HOME)

    assert mux.route([response]) == [(alice, [response])]


def test_a_restart_adds_a_user_fragment_and_keeps_the_old_one() -> None:
    mux: Multiplexer[Peer] = Multiplexer()
    alice = Peer()
    mux.add("alice", alice)
    mux.add("alice2", alice)

    assert len(mux) == 1
    assert [peer for peer, _ in mux.route([check("alice", HOME)])] == [alice]
    assert [peer for peer, _ in mux.route([check("alice2", HOME)])] == [alice]


def test_two_peers_cannot_share_a_user_fragment_and_there_is_a_most() -> None:
    mux: Multiplexer[Peer] = Multiplexer(max_peers=1)
    alice = Peer()
    mux.add("alice", alice)

    with pytest.raises(ValueError, match="another peer has"):
        mux.add("alice", Peer())
    with pytest.raises(ValueError, match="1 peers already"):
        mux.add("bobby", Peer())
    with pytest.raises(ValueError, match="room for one"):
        Multiplexer(max_peers=0)
    mux.add("alice", alice)
    assert alice in mux
    mux.remove(alice)
    assert len(mux) == 0
    mux.add("bobby", Peer())


def test_everything_a_peer_can_make_grow_has_a_bound() -> None:
    mux: Multiplexer[Peer] = Multiplexer()
    places = [Address("203.0.113.9", port) for port in range(1, MAX_PATHS_PER_PEER + 11)]
    alice = Peer(*places)
    for number in range(MAX_UFRAGS_PER_PEER + 5):
        mux.add(f"alice{number}", alice)
    settle(mux, *[check("alice20", place) for place in places])
    mux.sent(alice, [check("them", HERE, transaction=number) for number in range(MAX_REQUESTS_PER_PEER + 5)])

    # What is oldest has made room.
    assert mux.route([check("alice4", HOME), check("alice5", HOME)]) == [(alice, [check("alice5", HOME)])]
    assert mux.route([record(place) for place in places]) == [(alice, [record(place) for place in places[10:]])]
    answers = [Datagram(build_error(number.to_bytes(12), 400), HERE, HOME) for number in (4, 5)]
    assert mux.route(answers) == [(alice, answers[1:])]


def test_a_removed_peer_leaves_nothing_behind() -> None:
    mux: Multiplexer[Peer] = Multiplexer()
    empty = pickle.dumps(mux)
    alice = Peer(HOME)
    mux.add("alice", alice)
    settle(mux, check("alice", HOME))
    mux.route([check("alice", OFFICE)])
    mux.sent(alice, [check("them", HERE)])
    mux.remove(alice)
    mux.remove(alice)
    mux.stats.datagrams_routed = 0

    assert pickle.dumps(mux) == empty


def test_a_copy_is_independent() -> None:
    mux: Multiplexer[Peer] = Multiplexer()
    alice = Peer(HOME)
    mux.add("alice", alice)
    twin, her_twin = copy.deepcopy((mux, alice))
    settle(twin, check("alice", HOME))

    assert mux.route([record(HOME)]) == []
    assert twin.route([record(HOME)]) == [(her_twin, [record(HOME)])]
    twin.remove(her_twin)
    assert twin.route([record(HOME)]) == []


@given(st.lists(st.tuples(st.binary(max_size=64), st.booleans())))
@examples(100)
def test_whatever_arrives_nothing_is_raised_and_everything_is_counted(packets: list[tuple[bytes, bool]]) -> None:
    mux: Multiplexer[Peer] = Multiplexer()
    mux.add("alice", Peer(HOME))
    settle(mux, check("alice", HOME))
    header = check("alice", HOME).data[:8]
    arriving = [Datagram(header + data if stun else data, HERE, OFFICE) for data, stun in packets]
    routed = sum(len(share) for _, share in mux.route(arriving))

    assert routed + sum(mux.stats.dropped.values()) == len(packets)


@given(st.text("abcXYZ019+/", min_size=4, max_size=256), st.integers(0, 400))
@examples(50)
def test_the_user_fragment_is_found_in_whole_checks_alone(ufrag: str, cut: int) -> None:
    data = check(ufrag, HOME).data

    assert check_ufrag(data) == ufrag
    assert check_ufrag(data[:cut]) == (ufrag if cut >= len(data) else None)


# --- with agents ---


def connect_through_one_port(server_config: IceConfig, client_config: IceConfig) -> None:
    """A server with ten agents on one port, and a client for each."""
    now = 0.0
    mux: Multiplexer[IceAgent] = Multiplexer()
    servers, clients = [], []
    for number in range(10):
        server = IceAgent(controlling=False, rng=SeededRng(f"server {number}"), config=server_config)
        client = IceAgent(controlling=True, rng=SeededRng(f"client {number}"), config=client_config)
        place = Address(f"192.0.2.{number + 1}", 5000)
        mux.add(server.local_credentials.ufrag, server)
        for one, other, address in ((server, client, HERE), (client, server, place)):
            theirs = other.local_credentials
            one.set_remote_credentials(theirs.ufrag, theirs.password, now, lite=other.lite)
            one.add_local_address(address, now)
            one.end_of_local_addresses(now)
        for event in server.events():
            if isinstance(event, LocalCandidateGathered):
                client.add_remote_candidate(event.candidate, now)
        if not server.lite:
            # Only a full agent has use for it; without, its own checks would never begin where the client is lite.
            server.add_remote_candidate(Candidate.parse(f"candidate:1 1 udp 1 {place.host} {place.port} typ host"), now)
        servers.append(server)
        clients.append(client)
    while now < 10.0:
        now += 0.01
        arriving = []
        for client in clients:
            client.handle_timeout(now)
            arriving += [Datagram(each.data, each.remote, each.local) for each in client.datagrams_to_send(now)]
        for server, share in mux.route(arriving):
            server.receive_datagrams(share, now)
        back: list[Datagram] = []
        for server in servers:
            server.handle_timeout(now)
            leaving = server.datagrams_to_send(now)
            mux.sent(server, leaving)
            back += leaving
        for datagram in back:
            client = clients[int(datagram.remote.host.rpartition(".")[2]) - 1]
            client.receive_datagram(Datagram(datagram.data, datagram.remote, datagram.local), now)
    settled = (ConnectionState.CONNECTED, ConnectionState.COMPLETED)
    assert all(each.connection_state in settled for each in (*servers, *clients))
    for server, client in zip(servers, clients, strict=True):
        pair = client.selected_pair
        assert pair is not None
        assert mux.route([record(pair.local)]) == [(server, [record(pair.local)])]


@pytest.mark.parametrize(
    ("server", "client"),
    [
        (IceConfig(lite=True), IceConfig()),
        (IceConfig(), IceConfig()),
        (IceConfig(), IceConfig(lite=True)),
    ],
    ids=["lite", "full", "full-to-lite"],
)
def test_agents_share_a_port_full_and_lite(server: IceConfig, client: IceConfig) -> None:
    connect_through_one_port(server, client)


def test_a_stranger_with_the_right_user_fragment_gets_nowhere() -> None:
    mux: Multiplexer[IceAgent] = Multiplexer()
    agents = [IceAgent(controlling=False, rng=SeededRng(number), config=IceConfig(lite=True)) for number in range(2)]
    for agent in agents:
        mux.add(agent.local_credentials.ufrag, agent)
        agent.add_local_address(HERE, 0.0)
    alice, bob = agents
    true = build_check(
        bytes(12),
        username=f"{alice.local_credentials.ufrag}:them",
        key=short_term_key(alice.local_credentials.password),
        priority=1,
        controlling=True,
        tie_breaker=1,
        use_candidate=True,
    )
    for peer, share in mux.route([Datagram(true, HERE, HOME)]):
        peer.receive_datagrams(share, 0.0)
    for peer, share in mux.route([check(bob.local_credentials.ufrag, HOME)]):
        peer.receive_datagrams(share, 0.0)

    assert mux.route([record(HOME)]) == [(alice, [record(HOME)])]
    assert bob.stats.dropped == {"wrong-password": 1}
