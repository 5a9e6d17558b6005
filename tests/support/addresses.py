"""The address type of the simulated network: what a socket calls an address, and what `rtc_stun.Address` is equal to."""

from typing import TypeAlias

Endpoint: TypeAlias = tuple[str, int]
