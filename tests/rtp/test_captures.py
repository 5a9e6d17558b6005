"""What browsers sent: RTCP (tests/vectors/rtcp) and the headers of RTP packets (tests/vectors/rtp)."""

import json
from pathlib import Path

import pytest

from rtc_rtp import RtpPacket, TransportFeedback, parse_compound, serialize_compound

VECTORS = Path(__file__).parent.parent / "vectors"
DATAGRAMS: list[tuple[str, str, list[str]]] = [
    (f"{path.stem}-{number}", each["data"], each["kinds"])
    for path in sorted((VECTORS / "rtcp").glob("*.json"))
    for number, each in enumerate(json.loads(path.read_text())["datagrams"])
]
PACKETS = [
    bytes.fromhex(packet)
    for path in sorted((VECTORS / "rtp").glob("*.json"))
    for frame in json.loads(path.read_text())["frames"]
    for packet in frame["packets"]
]


@pytest.mark.parametrize(("text", "kinds"), [each[1:] for each in DATAGRAMS], ids=[each[0] for each in DATAGRAMS])
def test_datagrams_of_browsers_are_understood_and_written_alike(text: str, kinds: list[str]) -> None:
    data = bytes.fromhex(text)
    packets = parse_compound(data)

    assert [type(packet).__name__ for packet in packets] == kinds
    written = serialize_compound(packets, reduced_size=True)
    if isinstance(packets[0], TransportFeedback):
        # Statuses may be put into chunks in more than one way; ours is no longer.
        assert parse_compound(written) == packets
        assert len(written) <= len(data)
    else:
        assert written == data


def test_there_are_captures_of_every_kind_that_browsers_send() -> None:
    kinds = {kind for _, _, kinds in DATAGRAMS for kind in kinds}

    assert kinds >= {
        "GenericNack",
        "PictureLossIndication",
        "ReceiverReport",
        "SenderReport",
        "SourceDescription",
        "TransportFeedback",
    }


def test_packets_of_browsers_pass_through_unchanged() -> None:
    assert len(PACKETS) > 100
    for data in PACKETS:
        packet = RtpPacket.parse(data)
        assert packet.serialize() == data
        assert packet.extensions
        assert packet.serialize() == data  # also from its elements: browsers order and pad as we do
