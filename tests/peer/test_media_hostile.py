"""Descriptions of media that somebody has spoiled: refused or understood, but nothing else is ever raised."""

import contextlib

import pytest
from hypothesis import given, strategies
from tests.peer.descriptions import describe, section, vector
from tests.peer.pair import make_peer
from tests.support.effort import examples

from rtc_peer import DescriptionError, PeerConnection, SdpType, SessionDescription

OFFERS = [
    vector(name).sdp.splitlines()
    for name in (
        "chromium-156-offer-call",
        "chromium-156-offer-simulcast",
        "firefox-153-offer-call",
        "firefox-153-later-offer",
        "chromium-offer-media",
        "firefox-offer-media",
    )
]
ANSWERS = [vector(f"{name}-answer-call", SdpType.ANSWER).sdp.splitlines() for name in ("chromium-156", "firefox-153")]
SPOILT = strategies.sampled_from(
    [
        "0",
        "-1",
        "127",
        "128",
        "255",
        "256",
        "4096",
        "65536",
        "4294967295",
        "99999999999999999999",
        "*",
        "",
        "é",
        "a b",
        "/",
    ]
)


@strategies.composite
def spoilt(draw: strategies.DrawFn, descriptions: list[list[str]]) -> str:
    """A description in which a few lines are lost, doubled, exchanged, borrowed or changed in one word."""
    lines = list(draw(strategies.sampled_from(descriptions)))
    for _ in range(draw(strategies.integers(1, 6))):
        at = draw(strategies.integers(4, len(lines) - 1))
        match draw(strategies.integers(0, 4)):
            case 0:
                del lines[at]
            case 1:
                lines.insert(at, lines[at])
            case 2:
                other = draw(strategies.integers(4, len(lines) - 1))
                lines[at], lines[other] = lines[other], lines[at]
            case 3:
                lines.insert(at, draw(strategies.sampled_from(draw(strategies.sampled_from(OFFERS)))))
            case _:
                lines[at] = _changed(draw, lines[at])
    return "\r\n".join(lines) + "\r\n"


def _changed(draw: strategies.DrawFn, line: str) -> str:
    separator = draw(strategies.sampled_from([" ", ":", "=", ";", "/", ","]))
    words = line[2:].split(separator)
    words[draw(strategies.integers(0, len(words) - 1))] = draw(SPOILT)
    return line[:2] + separator.join(words)


def _calling() -> PeerConnection:
    peer = make_peer()
    peer.add_track("audio", "voice", ["s"])
    peer.add_track("video", "camera", ["s"])
    return peer


@examples(60)
@given(spoilt(OFFERS))
def test_a_spoilt_offer_is_refused_or_answered(text: str) -> None:
    peer = _calling()
    with contextlib.suppress(DescriptionError):
        peer.set_remote_description(SessionDescription(SdpType.OFFER, text), 0.0)
        peer.set_local_description(None, 0.0)
        peer.create_offer()

    assert len(peer.negotiated_media) <= len(peer.transceivers)


@examples(40)
@given(spoilt(ANSWERS))
def test_a_spoilt_answer_is_refused_or_taken(text: str) -> None:
    peer = _calling()
    peer.add_transceiver("video")
    peer.create_data_channel()
    peer.set_local_description(None, 0.0)

    with contextlib.suppress(DescriptionError):
        peer.set_remote_description(SessionDescription(SdpType.ANSWER, text), 0.0)
        peer.create_offer()

    assert len(peer.negotiated_media) <= 3


@examples(25)
@given(spoilt(OFFERS), spoilt(OFFERS))
def test_a_spoilt_offer_in_a_call_leaves_it_alone_or_is_answered(first: str, second: str) -> None:
    peer = _calling()
    for text in (first, second):
        before = peer.negotiated_media
        try:
            peer.set_remote_description(SessionDescription(SdpType.OFFER, text), 0.0)
        except DescriptionError:
            assert peer.negotiated_media == before
        else:
            peer.set_local_description(None, 0.0)


def test_a_mid_that_no_packet_could_bear_is_refused() -> None:
    peer = make_peer()
    media = section(
        "rtcp-mux",
        "rtpmap:96 VP8/90000",
        media="video",
        protocol="UDP/TLS/RTP/SAVPF",
        fmt="96",
        mid="m" * 256,
    )

    with pytest.raises(DescriptionError, match="longer than 255"):
        peer.set_remote_description(describe(media), 0.0)

    assert peer.transceivers == ()
