"""Packets and keys for the tests."""

import struct

from rtc_srtp import MasterKey, ProtectionProfile


def rtp(
    sequence_number: int,
    *,
    ssrc: int = 0x1234_5678,
    timestamp: int = 0,
    payload: bytes = b"payload",
    csrcs: tuple[int, ...] = (),
    extension: tuple[int, bytes] | None = None,
) -> bytes:
    """One RTP packet; `extension` is its profile and its bytes, a multiple of four."""
    first = 0x80 | (0x10 if extension else 0) | len(csrcs)
    header = struct.pack(f"!BBHII{len(csrcs)}I", first, 96, sequence_number & 0xFFFF, timestamp, ssrc, *csrcs)
    if extension is not None:
        profile, data = extension
        header += struct.pack("!HH", profile, len(data) // 4) + data
    return header + payload


def receiver_report(ssrc: int = 0x1234_5678, blocks: int = 1) -> bytes:
    """An RTCP receiver report."""
    return struct.pack("!BBHI", 0x80 | blocks, 201, 1 + 6 * blocks, ssrc) + bytes(range(24)) * blocks


def master_key(profile: ProtectionProfile, mki: bytes = b"", first: int = 1) -> MasterKey:
    """A key whose bytes count up from `first`."""
    key = bytes((first + n) % 256 for n in range(profile.key_length))
    salt = bytes((first + 100 + n) % 256 for n in range(profile.salt_length))
    return MasterKey(key=key, salt=salt, mki=mki)
