"""SRTP against libsrtp by its Python binding, in one process, turn by turn: ratios of CPU time."""

import os
import statistics
import struct
import time
from collections.abc import Callable
from typing import Final

from pylibsrtp import Policy, Session

from rtc_srtp import MasterKey, ProtectionProfile, SrtpReceiver, SrtpSender

PROFILES: Final = {
    "gcm": (ProtectionProfile.AEAD_AES_128_GCM, Policy.SRTP_PROFILE_AEAD_AES_128_GCM),
    "cm_80": (ProtectionProfile.AES128_CM_HMAC_SHA1_80, Policy.SRTP_PROFILE_AES128_CM_SHA1_80),
}
LENGTHS: Final = {"video": 1200, "audio": 160}
OPERATIONS: Final = ("protect", "unprotect", "protect_many", "unprotect_many")
_COUNT: Final = 5000
_BATCH: Final = 32
_TURNS: Final = 15
_EXTENSION: Final = bytes.fromhex("bede00011030000f")


def compare() -> dict[str, float]:
    """Return what ours takes of what libsrtp's binding takes, for each profile, length and operation."""
    ratios: dict[str, float] = {}
    for profile in PROFILES:
        for kind, length in LENGTHS.items():
            packets = [
                struct.pack("!BBHII", 0x90, 96, number, 0, 1) + _EXTENSION + os.urandom(length - 12 - len(_EXTENSION))
                for number in range(_COUNT)
            ]
            for operation in OPERATIONS:
                ratios[f"{profile}_{kind}_{operation}"] = _ratio(profile, operation, packets)
    return ratios


def _ratio(profile: str, operation: str, packets: list[bytes]) -> float:
    """Return the median of the ratios of single turns."""
    ours, theirs = PROFILES[profile]
    master = MasterKey(key=os.urandom(ours.key_length), salt=os.urandom(ours.salt_length))
    if operation.startswith("unprotect"):
        packets = SrtpSender(ours, master).protect_many(packets)

    def libsrtp() -> Callable[[bytes], bytes]:
        inbound = operation.startswith("unprotect")
        direction = Policy.SSRC_ANY_INBOUND if inbound else Policy.SSRC_ANY_OUTBOUND
        session = Session(Policy(key=master.key + master.salt, ssrc_type=direction, srtp_profile=theirs))
        call: Callable[[bytes], bytes] = session.unprotect if inbound else session.protect
        return call

    ratios = []
    for _ in range(_TURNS):
        baseline = _time_each(libsrtp(), packets)
        machine = SrtpReceiver(ours, master) if operation.startswith("unprotect") else SrtpSender(ours, master)
        call = getattr(machine, operation)
        spent = _time_batches(call, packets) if operation.endswith("many") else _time_each(call, packets)
        ratios.append(spent / baseline)
    return statistics.median(ratios)


def _time_each(call: Callable[[bytes], bytes], packets: list[bytes]) -> float:
    before = time.process_time()
    results = [call(packet) for packet in packets]
    spent = time.process_time() - before
    assert len(results) == len(packets)
    return spent


def _time_batches(call: Callable[[list[bytes]], list[bytes]], packets: list[bytes]) -> float:
    batches = [packets[start : start + _BATCH] for start in range(0, len(packets), _BATCH)]
    before = time.process_time()
    results = [call(batch) for batch in batches]
    spent = time.process_time() - before
    assert len(results) == len(batches)
    return spent
