"""New DTLS associations within a session: the peer hands the session to another endpoint (RFC 8842, RFC 8829 section 5.11)."""

import pytest
from tests.peer.descriptions import answer_to, describe, parsed, section
from tests.peer.pair import Pair, make_peer

from rtc_datachannel import (
    ChannelClosed,
    ChannelCloseReason,
    ChannelOpened,
    ChannelReceived,
    ChannelState,
    DataChannelConfig,
)
from rtc_peer import (
    ConnectionState,
    DtlsTransportState,
    DtlsTransportStateChanged,
    PeerConnectionStats,
    PeerOptions,
    SctpTransportState,
    SctpTransportStateChanged,
    SdpType,
    SessionDescription,
    StateError,
)
from rtc_sctp import AssociationConfig
from rtc_sdp import Fingerprint, IceUfrag, TlsId
from rtc_stun import Datagram


def _hand_over(pair: Pair) -> None:
    """Let a new machine, which knows nothing of the session, take the place of the right one."""
    pair.right.node.machine = make_peer("a successor")
    pair.right.node.events.clear()
    pair.left.machine.restart_ice()
    pair.negotiate()


@pytest.mark.spec("rfc8842:1/1", "rfc8842:4/5")
@pytest.mark.spec("rfc8842:5.4/1", "rfc8842:5.1/4", "rfc8829:5.11/1")
def test_class_28_a_session_can_be_handed_to_another_endpoint() -> None:
    pair = Pair().connect()
    before = parsed(pair.right.local)
    old = pair.left.channel()

    _hand_over(pair)

    after = parsed(pair.right.local)
    for kind in (Fingerprint, TlsId, IceUfrag):
        assert after.media[0].get(kind) != before.media[0].get(kind)
    assert pair.run(lambda: pair.left.of(DtlsTransportStateChanged)[-1].state is DtlsTransportState.CONNECTED)
    assert pair.run(lambda: pair.left.node.saw(ChannelClosed))
    assert old.close_reason is ChannelCloseReason.ASSOCIATION_RESTARTED
    successor = pair.right.machine.certificates[0].chain
    assert pair.left.machine.transports[0].remote_certificates == successor
    assert pair.left.machine.connection_state is ConnectionState.CONNECTED

    pair.left.machine.create_data_channel("after the transfer")
    assert pair.run(lambda: pair.right.node.saw(ChannelReceived))
    pair.right.machine.send(pair.right.channel(), "hello from the successor")
    assert pair.run(lambda: pair.left.messages() == ["hello from the successor"])


def test_the_states_of_the_new_association_are_told_in_order() -> None:
    pair = Pair().connect()
    told = len(pair.left.of(DtlsTransportStateChanged))

    _hand_over(pair)
    pair.settle(2.0)

    states = DtlsTransportState
    assert [each.state for each in pair.left.of(DtlsTransportStateChanged)[told:]] == [
        states.NEW,
        states.CONNECTING,
        states.CONNECTED,
    ]


def test_class_28_the_predecessor_cannot_speak_any_more() -> None:
    pair = Pair().connect()
    predecessor = pair.right.machine
    _hand_over(pair)
    pair.settle(2.0)
    pair.left.machine.create_data_channel("new")
    pair.run(lambda: pair.right.node.saw(ChannelReceived))
    heard = len(pair.left.messages())

    channel = predecessor.channel(0) or predecessor.channel(1)
    assert channel is not None
    predecessor.send(channel, "I am still here")
    for datagram in predecessor.datagrams_to_send(pair.now):
        pair.left.machine.receive_datagram(type(datagram)(datagram.data, datagram.remote, datagram.local), pair.now)
    pair.settle()

    assert len(pair.left.messages()) == heard
    assert pair.left.machine.connection_state is ConnectionState.CONNECTED


@pytest.mark.spec("rfc8842:4/2", "rfc8842:5.3/3")
def test_the_answer_to_a_new_association_names_it_anew() -> None:
    peer = make_peer()
    first = answer_to(peer, describe(section("tls-id:" + "a" * 24))).media[0].get(TlsId)
    renewed = section("tls-id:" + "b" * 24, ufrag="other", password="y" * 24)

    second = answer_to(peer, describe(renewed, version=2)).media[0].get(TlsId)

    assert first is not None
    assert second is not None
    assert first != second


# --- the association above ---


@pytest.mark.spec("rfc8841:10.4/3", "rfc8841:10.3/8")
@pytest.mark.parametrize("offerer", [True, False], ids=["answered", "offered"])
def test_a_port_of_zero_means_that_there_is_no_association(offerer: bool) -> None:
    pair = Pair()
    pair.left.machine.create_data_channel("never")
    offer = pair.offer().sdp
    pair.right.machine.set_remote_description(
        SessionDescription(SdpType.OFFER, offer if offerer else offer.replace("sctp-port:5000", "sctp-port:0")),
        pair.now,
    )
    answer = pair.answer().sdp
    pair.left.machine.set_remote_description(
        SessionDescription(SdpType.ANSWER, answer.replace("sctp-port:5000", "sctp-port:0") if offerer else answer),
        pair.now,
    )
    pair.bring(pair.left)
    pair.bring(pair.right)
    refused = pair.left if offerer else pair.right

    pair.settle(5.0)

    assert refused.machine.sctp is not None
    assert refused.machine.sctp.state is SctpTransportState.CLOSED
    assert refused.machine.transports[0].dtls_state is DtlsTransportState.CONNECTED
    assert not any(side.node.saw(ChannelOpened) or side.node.saw(ChannelReceived) for side in pair.sides)


@pytest.mark.spec("rfc5888:9.4/1")
@pytest.mark.spec("rfc9143:7.4/3", "rfc8839:4.2.5/4", "rfc8839:4.4.1.1.1/1")
def test_an_answer_without_a_group_is_as_good_as_any() -> None:
    pair = Pair()
    pair.left.machine.create_data_channel("chat")
    offer = pair.offer()
    pair.give(pair.right, offer)
    answer = pair.answer()
    bare = answer.sdp.replace("a=group:BUNDLE 0\r\n", "")
    assert bare != answer.sdp
    assert "c=IN IP4 0.0.0.0" in bare

    pair.give(pair.left, SessionDescription(SdpType.ANSWER, bare))

    assert pair.run(pair.talking)


@pytest.mark.spec("rfc8841:10.3/7", "rfc8841:10.4/2")
def test_another_port_means_another_association() -> None:
    pair = Pair().connect()
    old = pair.left.channel()
    pair.right.node.machine = make_peer(
        "a successor", options=PeerOptions(data=DataChannelConfig(association=AssociationConfig(local_port=6000)))
    )
    pair.right.node.events.clear()
    pair.left.machine.restart_ice()

    pair.negotiate()

    assert old.close_reason is not None
    new = pair.left.machine.create_data_channel("on the new association")
    assert pair.run(lambda: new.state is ChannelState.OPEN)
    (statistics,) = [each for each in pair.left.machine.statistics() if isinstance(each, PeerConnectionStats)]
    assert (statistics.data_channels_opened, statistics.data_channels_closed) == (2, 1)


@pytest.mark.spec("rfc8841:10.3/7")
def test_an_association_that_ended_with_its_tunnel_comes_back_with_the_next_one() -> None:
    pair = Pair().connect()
    pair.right.machine.close(pair.now)
    pair.settle(0.5)
    assert pair.left.machine.sctp is not None
    assert pair.left.machine.sctp.state is SctpTransportState.CLOSED
    with pytest.raises(StateError):
        pair.left.machine.create_data_channel("into nothing")
    told = len(pair.left.of(SctpTransportStateChanged))

    _hand_over(pair)
    pair.left.machine.create_data_channel("again")

    assert pair.run(lambda: pair.right.node.saw(ChannelReceived))
    assert [each.state for each in pair.left.of(SctpTransportStateChanged)[told:]] == [SctpTransportState.CONNECTED]


def test_what_came_early_is_forgotten_at_a_restart() -> None:
    pair = Pair()
    pair.left.machine.create_data_channel("chat")
    pair.give(pair.right, pair.offer())
    pair.answer()
    # The answer gets lost. The answerer, a DTLS client, begins, and its ClientHello is kept: but then it begins anew.
    pair.settle(2.0)
    pair.right.node.machine = make_peer("begins anew")
    pair.right.held.clear()
    pair.left.held.clear()
    pair.left.machine.restart_ice()

    pair.negotiate()

    assert pair.run(pair.talking, timeout=5.0)


def test_class_28_a_client_hello_of_an_attempt_that_the_peer_gave_up_does_no_harm() -> None:
    pair = Pair()
    hellos: list[Datagram] = []

    def tap(now: float, datagram: Datagram) -> bool:
        if datagram.data[0] == 22 and datagram.data[13] == 1 and len(hellos) < 2:
            hellos.append(datagram)
            mirrored = Datagram(datagram.data, datagram.local, datagram.remote)
            pair.right.machine.receive_datagram(mirrored, now)
        return True

    # The right side is the client. Its peer may have been one, too, before an answer got lost.
    pair.right.node.tap = tap

    pair.connect()

    # The hello is two datagrams long.
    assert len(hellos) == 2
    assert pair.right.machine.stats.dropped["dtls-of-former-attempt"] == 2


@pytest.mark.spec("rfc8841:10.3/10")
def test_the_association_does_not_move_to_another_section() -> None:
    pair = Pair().connect()
    machine, old = pair.left.machine, pair.left.channel()
    machine.set_remote_description(
        describe(section(mid="0", port=0), section(mid="1", ufrag="other"), session=("group:BUNDLE 1",)), pair.now
    )

    machine.set_local_description(None, pair.now)

    assert old.state is ChannelState.CLOSED
    assert [each.id for each in machine.transports] == [1]
    assert machine.sctp is not None
    assert (machine.sctp.transport_id, machine.sctp.state) == (1, SctpTransportState.CONNECTING)
