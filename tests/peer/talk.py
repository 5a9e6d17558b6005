"""Two connections that exchange descriptions of media, and nothing else: no network, no time."""

from __future__ import annotations

import itertools
from typing import TypeVar

from tests.peer.descriptions import parsed
from tests.peer.pair import make_peer

from rtc_peer import Configuration, NegotiatedMedia, PeerConnection, PeerOptions, SdpType, SessionDescription
from rtc_sdp import MediaDescription

E = TypeVar("E")


class Talk:
    """Two peers, left and right."""

    def __init__(
        self,
        *,
        left: Configuration | None = None,
        right: Configuration | None = None,
        options: tuple[PeerOptions | None, PeerOptions | None] = (None, None),
        seed: str = "",
    ) -> None:
        self.left = make_peer(f"left{seed}", left, options[0])
        self.right = make_peer(f"right{seed}", right, options[1])

    def other(self, peer: PeerConnection) -> PeerConnection:
        """The one on the other side."""
        return self.right if peer is self.left else self.left

    def offer(self, peer: PeerConnection | None = None) -> SessionDescription:
        """Set an offer on one side, the left one by default, and on the other."""
        peer = peer or self.left
        peer.set_local_description(SessionDescription(SdpType.OFFER), 0.0)
        offer = _text(peer)
        self.other(peer).set_remote_description(offer, 0.0)
        return offer

    def answer(self, peer: PeerConnection | None = None, kind: SdpType = SdpType.ANSWER) -> SessionDescription:
        """Set an answer on one side, the right one by default, and on the other."""
        peer = peer or self.right
        peer.set_local_description(SessionDescription(kind), 0.0)
        answer = _text(peer)
        self.other(peer).set_remote_description(answer, 0.0)
        return answer

    def negotiate(self, offerer: PeerConnection | None = None) -> None:
        """One whole exchange."""
        offerer = offerer or self.left
        self.offer(offerer)
        self.answer(self.other(offerer))


def _text(peer: PeerConnection) -> SessionDescription:
    assert peer.local_description is not None
    return peer.local_description


def section(description: SessionDescription | None, index: int = 0) -> MediaDescription:
    """A section of a description."""
    return parsed(description).media[index]


def sections(description: SessionDescription | None) -> list[MediaDescription]:
    """All of them."""
    return parsed(description).media


def of(peer: PeerConnection, kind: type[E]) -> list[E]:
    """The events of one class that wait."""
    return [event for event in peer.events() if isinstance(event, kind)]


def negotiated(peer: PeerConnection) -> dict[str, NegotiatedMedia]:
    """What the transports of a peer were told, by mid."""
    return {each.mid: each for each in peer.negotiated_media}


def names(peer: PeerConnection) -> list[str]:
    """What a peer sends in its first section, by name."""
    media = peer.negotiated_media[0]
    assert media.send is not None
    return [codec.mime_type for codec in media.send.codecs]


def check_agreement(left: PeerConnection, right: PeerConnection) -> None:
    """Both sides mean the same by what they agreed upon: directions, numbers, names."""
    for one, other in itertools.permutations((left, right)):
        theirs = negotiated(other)
        for mid, media in negotiated(one).items():
            if any(each.mid == mid and each.stopping for each in other.transceivers):
                continue
            assert mid in theirs, f"{mid} is in force on one side alone"
            if media.sends:
                _check_flow(media, theirs[mid])
            else:
                assert not theirs[mid].receives
    for transceiver in left.transceivers:
        match = [each for each in right.transceivers if each.mid == transceiver.mid and each.mid is not None]
        if transceiver.stopping or any(each.stopping for each in match):
            continue
        if match and transceiver.current_direction is not None and match[0].current_direction is not None:
            assert transceiver.current_direction is match[0].current_direction.reversed


def _check_flow(sending: NegotiatedMedia, receiving: NegotiatedMedia) -> None:
    assert receiving.receives
    assert sending.send is not None
    assert receiving.receive is not None
    known = {each.payload_type: each for each in receiving.receive.codecs}
    for codec in sending.send.codecs:
        match = known[codec.payload_type]
        assert match.mime_type.lower() == codec.mime_type.lower()
        assert match.clock_rate == codec.clock_rate
        assert match.rtx_payload_type == codec.rtx_payload_type
    for number, uri in sending.send.header_extensions.items():
        assert receiving.receive.header_extensions[number] == uri
        encrypted = receiving.receive.header_extensions.encrypted
        assert (number in sending.send.header_extensions.encrypted) is (number in encrypted)
    assert receiving.accepts_cryptex or not sending.cryptex
    assert sending.cryptex is receiving.cryptex
    announced = receiving.receive.ssrcs
    if (
        announced and sending.kind == "video"
    ):  # audio takes another SSRC with another clock rate, and tells by the next offer
        assert [each.ssrc for each in sending.send.encodings] == list(announced)
    rids = [each.rid for each in sending.send.encodings if each.rid is not None]
    if len(rids) > 1:
        assert tuple(rids) == receiving.receive.rids
