"""RTP and RTCP packets: what a forwarder does with each, as many of them as a CPU-second holds."""

import os
import struct
import time
from collections.abc import Callable
from typing import Any, Final

OPERATIONS: Final = ("parse", "serialize", "forward", "rtcp")
_COUNT: Final = 2000
_SECONDS: Final = 0.3
_MID: Final = "urn:ietf:params:rtp-hdrext:sdes:mid"
_SEND_TIME: Final = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"
_EXTENSION: Final = bytes.fromhex("bede000210302203040500 00".replace(" ", "")) + b"\0"
_RTCP: Final = (
    bytes.fromhex("81c8000c000000010000000200000003000000040000000500000006")
    + bytes.fromhex("0000000700000008000000090000000a0000000b0000000c")
    + bytes.fromhex("81cd00040000000100000007000a80010064ffff")
)
"""A sender report with a block, and a NACK of 19 packets."""


def measure(name: str) -> dict[str, float]:
    """Return operations per CPU-second, of one implementation."""
    packets = [
        struct.pack("!BBHII", 0x90, 96, number, 3000, 1) + _EXTENSION + os.urandom(1150) for number in range(_COUNT)
    ]
    operations = _ours(packets) if name == "ours" else _aiortc(packets)
    return {operation: _rate(call, items) for operation, (call, items) in operations.items()}


def _ours(packets: list[bytes]) -> dict[str, tuple[Callable[[Any], object], list[Any]]]:
    from rtc_rtp import ExtensionMap, RtpPacket, parse_compound

    mid = ExtensionMap({1: _MID, 2: _SEND_TIME}).id_of(_MID)
    assert mid is not None

    def forward(data: bytes) -> bytes:
        packet = RtpPacket.parse(data)
        assert packet.extension(mid) == b"0"
        packet.ssrc = 2
        return packet.serialize()

    def serialize(number: int) -> bytes:
        return RtpPacket(96, number, 3000, 1, payload, extensions={1: b"0", 2: b"\3\4\5"}).serialize()

    payload = packets[0][24:]
    return {
        "parse": (RtpPacket.parse, packets),
        "serialize": (serialize, list(range(len(packets)))),
        "forward": (forward, packets),
        "rtcp": (parse_compound, [_RTCP] * len(packets)),
    }


def _aiortc(packets: list[bytes]) -> dict[str, tuple[Callable[[Any], object], list[Any]]]:
    from aiortc import RTCRtpParameters
    from aiortc.rtcrtpparameters import RTCRtpHeaderExtensionParameters
    from aiortc.rtp import HeaderExtensionsMap, RtcpPacket, RtpPacket

    known = HeaderExtensionsMap()
    known.configure(
        RTCRtpParameters(
            headerExtensions=[
                RTCRtpHeaderExtensionParameters(id=1, uri=_MID),
                RTCRtpHeaderExtensionParameters(id=2, uri=_SEND_TIME),
            ]
        )
    )

    def forward(data: bytes) -> bytes:
        packet = RtpPacket.parse(data, known)
        assert packet.extensions.mid == "0"
        packet.ssrc = 2
        written: bytes = packet.serialize(known)
        return written

    def serialize(number: int) -> bytes:
        packet = RtpPacket(payload_type=96, sequence_number=number, timestamp=3000, ssrc=1, payload=payload)
        packet.extensions.mid = "0"
        packet.extensions.abs_send_time = 0x030405
        written: bytes = packet.serialize(known)
        return written

    payload = packets[0][24:]
    return {
        "parse": (lambda data: RtpPacket.parse(data, known), packets),
        "serialize": (serialize, list(range(len(packets)))),
        "forward": (forward, packets),
        "rtcp": (RtcpPacket.parse, [_RTCP] * len(packets)),
    }


def _rate(call: Callable[[Any], object], items: list[Any]) -> float:
    for item in items:
        call(item)
    done = 0
    before = time.process_time()
    while (spent := time.process_time() - before) < _SECONDS:
        for item in items:
            call(item)
        done += len(items)
    return done / spent
