"""From a frame to its packets, as a session does it."""

from rtc_rtp import EncodedFrame, PayloadFormat, RtpPacket


def packets_of(sender: PayloadFormat, frame: EncodedFrame, limit: int = 1200, first: int = 65530) -> list[RtpPacket]:
    """Cut a frame and check what holds for every format: lengths, and the marker on the last packet of video."""
    payloads = sender.packetize(frame, limit)
    assert all(0 < len(payload) <= limit for payload, _ in payloads)
    if sender.mime_type.startswith("video/"):
        assert [marker for _, marker in payloads] == [i == len(payloads) for i in range(1, len(payloads) + 1)]
    return [
        RtpPacket(96, (first + i) & 0xFFFF, frame.timestamp, 0x1234, payload, marker=marker)
        for i, (payload, marker) in enumerate(payloads)
    ]
