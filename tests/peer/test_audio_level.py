"""What descriptions say of audio levels: whether their flag of voice activity means anything (RFC 6464 section 4)."""

from dataclasses import replace

import pytest
from tests.peer.media_sections import LEVEL, answered, media_section
from tests.peer.pair import make_peer
from tests.peer.talk import Talk, negotiated, section

from rtc_peer import PeerConnection
from rtc_sdp import Direction, Extmap, MediaDescription


def _levels(media: MediaDescription) -> list[str]:
    return [each.serialize() for each in media.get_all(Extmap) if each.uri == LEVEL]


def _answer(peer: PeerConnection, attributes: str) -> list[str]:
    return _levels(answered(peer, media_section("rtpmap:111 opus/48000/2", f"extmap:7 {LEVEL}{attributes}"))[0])


@pytest.mark.spec("rfc6464:4/2")
@pytest.mark.parametrize(("attributes", "in_use"), [("", True), (" vad=on", True), (" vad=off", False)])
def test_the_peer_says_whether_voice_activity_is_in_use(attributes: str, in_use: bool) -> None:
    peer = make_peer()

    assert _answer(peer, attributes) == [f"7 {LEVEL}{attributes}"]

    receive = negotiated(peer)["0"].receive
    assert receive is not None
    assert receive.voice_activity is in_use


@pytest.mark.spec("rfc6464:4/3")
def test_our_offers_keep_what_an_identifier_means() -> None:
    peer = make_peer()
    _answer(peer, " vad=off")
    transceiver = peer.transceivers[0]
    every = transceiver.header_extensions

    assert _levels(section(peer.create_offer())) == [f"7 {LEVEL} vad=off"]

    transceiver.set_header_extensions([replace(each, direction=Direction.INACTIVE) for each in every])
    assert _levels(section(peer.create_offer())) == []
    transceiver.set_header_extensions(every)
    peer.add_transceiver("audio")
    assert [_levels(section(peer.create_offer(), index)) for index in (0, 1)] == [[f"7 {LEVEL} vad=off"]] * 2


@pytest.mark.spec("rfc6464:4/3")
def test_our_own_offer_says_the_same_whatever_the_answer_said() -> None:
    talk = Talk()
    talk.left.add_transceiver("audio")
    talk.negotiate()
    first = _levels(section(talk.left.local_description))

    talk.negotiate(talk.right)
    talk.negotiate(talk.left)

    assert _levels(section(talk.left.local_description)) == first
