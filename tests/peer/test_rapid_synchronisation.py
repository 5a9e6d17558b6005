"""Packets that tell their sender's clock are negotiated like every header extension (RFC 6051 section 3.3)."""

import pytest
from tests.peer.talk import Talk, negotiated, section

from rtc_peer import HeaderExtensionCapability, MediaOptions, PeerOptions
from rtc_rtp import NTP_64
from rtc_sdp import Extmap

URI = "urn:ietf:params:rtp-hdrext:ntp-64"


@pytest.mark.spec("rfc6051:3.3/6", "rfc6051:3.3/7", "rfc8834:5.2.1/1")
@pytest.mark.parametrize("kind", ["audio", "video"])
def test_both_sides_agree_upon_a_number_for_it(kind: str) -> None:
    talk = Talk()
    talk.left.add_track(kind, "camera")
    talk.negotiate()

    for peer in (talk.left, talk.right):
        assert [each.uri for each in section(peer.local_description).get_all(Extmap)].count(URI) == 1
    media = negotiated(talk.left)["0"].send, negotiated(talk.right)["0"].receive
    numbers = {each.header_extensions.id_of(NTP_64) for each in media if each is not None}
    assert len(numbers) == 1
    assert None not in numbers


def test_who_does_not_know_it_gets_none() -> None:
    plain = MediaOptions(audio_header_extensions=(HeaderExtensionCapability("urn:ietf:params:rtp-hdrext:sdes:mid"),))
    talk = Talk(options=(None, PeerOptions(media=plain)))
    talk.left.add_track("audio", "voice")
    talk.negotiate()

    send = negotiated(talk.left)["0"].send
    assert send is not None
    assert send.header_extensions.id_of(NTP_64) is None
