"""Hidden header extensions on the wire: what the network sees, and what arrives (RFC 6904, RFC 9335)."""

from dataclasses import replace

import pytest
from tests.peer.call import AUDIO, VIDEO, Call, frame, frames, media_datagrams, media_of, sent, transceiver
from tests.peer.hidden_headers import DISABLE, HIDE, PREFER, form, hiding, wishing
from tests.peer.media_sections import LEVEL, MID
from tests.peer.talk import negotiated

from rtc_peer import (
    ExtensionEncryption,
    FrameReceived,
    PeerOptions,
    TargetBitrateChanged,
)
from rtc_rtp import AudioLevel, RtpPacket, is_rtcp
from rtc_stun import Datagram

TRANSPORT_CC = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
LOUD = AudioLevel(30, voice_activity=True)
ENCRYPTED, READABLE = bytes.fromhex("c0de"), bytes.fromhex("bede")


def rtp_of(seen: list[Datagram]) -> list[bytes]:
    return [each.data for each in seen if not is_rtcp(each.data) and each.data[0] & 0x10]


def elements(protected: bytes) -> dict[int, bytes]:
    """What the network sees of the header extension of a packet; padding is within what it cannot read."""
    return RtpPacket.parse(bytes((protected[0] & ~0x20,)) + protected[1:]).extensions


def talk_and_listen(pair: Call) -> list[bytes]:
    """Let both sides talk; return the packets of the left one that have header extensions, as the network sees them."""
    seen = media_datagrams(pair.left)
    pair.talk()
    for side in pair.sides:
        for kind in (AUDIO, VIDEO):
            assert frames(side, kind)[-10:] == sent(kind, range(10)), (side.name, kind)
    assert not any(key.startswith(("srtp", "rtp")) for side in pair.sides for key in side.machine.stats.dropped)
    return rtp_of(seen)


def level_heard(pair: Call) -> AudioLevel | None:
    """Say something on the left, and return how loud it is on the right."""
    loud = replace(frame(AUDIO, 500), audio_level=LOUD)
    transceiver(pair.left, AUDIO).sender.send_frame(loud, now=pair.now)
    pair.network.flush()
    pair.settle(0.1)
    return pair.right.of(FrameReceived)[-1].frame.audio_level


@pytest.mark.spec("rfc9335:4/5", "rfc9335:5.1/2", "rfc8834:13/2", "rfc8834:5.2.2/3", "rfc8834:5.2.3/2")
def test_by_default_two_of_ours_hide_all_header_extensions() -> None:
    pair = Call().begin()

    packets = talk_and_listen(pair)

    assert len(packets) > 30
    assert {packet[12:14] for packet in packets} == {ENCRYPTED}
    assert level_heard(pair) == LOUD


def test_header_extensions_are_readable_where_a_side_does_without() -> None:
    pair = Call(right=hiding(DISABLE)).begin()

    packets = talk_and_listen(pair)

    assert {packet[12:14] for packet in packets} == {READABLE}
    assert level_heard(pair) == LOUD


@pytest.mark.spec("rfc9335:5.2/3")
def test_where_it_is_required_readable_headers_are_dropped() -> None:
    pair = Call(left=hiding(HIDE)).begin()
    talk_and_listen(pair)
    right = media_of(pair.right).srtp
    right.encrypt_headers(replace(right._sent, cryptex=False), right._received)

    pair.send(pair.right, AUDIO, 20)
    pair.settle(0.1)

    assert pair.left.machine.stats.dropped["srtp:unencrypted"] > 0


@pytest.mark.spec("rfc8834:5.2.2/2", "rfc8834:5.2.3/1", "rfc6904:4.1/3")
def test_single_header_extensions_are_hidden_both_ways() -> None:
    options = wishing(PREFER)
    pair = Call(left=hiding(DISABLE), options=(options, PeerOptions())).begin()
    send = negotiated(pair.left.machine)["0"].send
    assert send is not None
    mid = send.header_extensions.id_of(MID)
    assert mid is not None
    assert set(send.header_extensions) == set(send.header_extensions.encrypted)

    packets = talk_and_listen(pair)

    values = [value for packet in packets if (value := elements(packet).get(mid)) is not None]
    assert len(values) > 10
    assert len(set(values)) > 10, "the same for all packets of a section, and encrypted otherwise in each"
    assert level_heard(pair) == LOUD
    assert all(packet[12:14] in (bytes.fromhex("bede"), bytes.fromhex("1000")) for packet in packets)


def test_feedback_on_arrivals_works_with_hidden_sequence_numbers() -> None:
    pair = Call(left=hiding(DISABLE), options=(wishing(PREFER, TRANSPORT_CC), PeerOptions())).begin()
    send = negotiated(pair.left.machine)["1"].send
    assert send is not None
    number = send.header_extensions.id_of(TRANSPORT_CC)
    assert number in send.header_extensions.encrypted

    seen = talk_and_listen(pair)

    assert any(number in elements(packet) for packet in seen)
    estimates = [each.bitrate_bps for each in pair.left.of(TargetBitrateChanged)]
    assert estimates[-1] > 2 * estimates[0], "the estimate rises by feedback alone"


def _choose(pair: Call, encryption: ExtensionEncryption) -> None:
    for side in pair.sides:
        for each in side.machine.transceivers:
            each.set_header_extensions([replace(known, encryption=encryption) for known in each.header_extensions])


def test_a_call_goes_on_while_header_extensions_are_encrypted() -> None:
    pair = Call(left=hiding(DISABLE), right=hiding(DISABLE)).begin()
    for number in range(50):
        if number == 20:
            _choose(pair, PREFER)
            pair.negotiate()
        for side in pair.sides:
            for kind in (AUDIO, VIDEO):
                pair.send(side, kind, number)
        pair.settle(0.02)
    pair.settle(0.5)

    for side in pair.sides:
        for kind in (AUDIO, VIDEO):
            assert frames(side, kind) == sent(kind, range(50))
        assert not any(key.startswith("srtp") for key in side.machine.stats.dropped)
    assert form(pair.left.machine) == (True, True)


def test_a_header_extension_in_the_clear_that_is_to_be_encrypted_is_ignored_and_counted() -> None:
    pair = Call([AUDIO], left=hiding(DISABLE), options=(wishing(PREFER, LEVEL), PeerOptions())).begin()
    media = negotiated(pair.left.machine)["0"]
    (clear,) = media.refused_extension_ids
    theirs = media_of(pair.right)
    send = negotiated(pair.right.machine)["0"].send
    assert send is not None
    forged = RtpPacket(send.codecs[0].payload_type, 7, 0, send.encodings[0].ssrc, b"x", extensions={clear: b"\x1e"})
    before = pair.left.machine.stats.dropped.get("rtp:readable header extension", 0)

    media_of(pair.left).receive(theirs.srtp.protect([bytes(forged)]), pair.now)

    assert pair.left.machine.stats.dropped["rtp:readable header extension"] == before + 1
    (source,) = media_of(pair.left).session.synchronization_sources(transceiver(pair.left, AUDIO).id)
    assert source.audio_level is None


@pytest.mark.spec("rfc9335:4/5")
def test_a_peer_may_take_back_what_it_said_and_say_it_again() -> None:
    pair = Call().begin()
    assert _marks(pair) == {ENCRYPTED}

    offer = pair.offer(pair.right)
    pair.give(pair.left, replace(offer, sdp=offer.sdp.replace("a=cryptex\r\n", "")))
    pair.give(pair.right, pair.answer(pair.left))
    assert _marks(pair) == {READABLE}

    pair.negotiate(pair.left)
    assert _marks(pair) == {ENCRYPTED}
    assert not any(key.startswith("srtp") for side in pair.sides for key in side.machine.stats.dropped)


def test_a_restart_of_ice_keeps_headers_hidden() -> None:
    pair = Call().begin()
    pair.left.machine.restart_ice()
    pair.negotiate(pair.left)
    pair.settle(1.0)

    assert _marks(pair) == {ENCRYPTED}


def _marks(pair: Call) -> set[bytes]:
    """Let the left side say something, and return what marks the header extensions of its packets."""
    seen = media_datagrams(pair.left)
    heard = len(frames(pair.right, AUDIO))
    for number in range(5):
        pair.send(pair.left, AUDIO, 1000 + len(pair.right.node.events) + number)
        pair.settle(0.02)
    pair.settle(0.2)
    assert len(frames(pair.right, AUDIO)) == heard + 5
    return {packet[12:14] for packet in rtp_of(seen)}
