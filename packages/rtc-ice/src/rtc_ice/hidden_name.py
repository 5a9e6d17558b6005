"""The names that stand for addresses which hosts do not show: ``<UUID>.local``, found by multicast DNS (`rtc_ice.mdns`)."""

import re
from typing import Final

from rtc_ice.credentials import Rng

_CANDIDATE_NAME: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.local\.?", re.IGNORECASE | re.ASCII)


def candidate_name(rng: Rng) -> str:
    """Make a name that nobody else has: a random UUID and ``local``."""
    digits = bytearray(rng(16))
    digits[6] = digits[6] & 0x0F | 0x40
    digits[8] = digits[8] & 0x3F | 0x80
    text = digits.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}.local"


def is_candidate_name(host: str) -> bool:
    """Whether a candidate's host is a name to be asked for by multicast DNS: a UUID and ``local``.

    Other names under ``local`` are devices, and a peer must not choose which of them gets our checks.
    """
    return _CANDIDATE_NAME.fullmatch(host) is not None
