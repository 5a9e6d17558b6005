"""The methods that TURN adds to STUN (:rfc:`8656#section-17`, :rfc:`6062#section-6.1`)."""

from typing import Final

ALLOCATE: Final = 0x003
"""Request alone."""
REFRESH: Final = 0x004
"""Request alone."""
SEND: Final = 0x006
"""Indication alone, from client to server."""
DATA: Final = 0x007
"""Indication alone, from server to client."""
CREATE_PERMISSION: Final = 0x008
"""Request alone."""
CHANNEL_BIND: Final = 0x009
"""Request alone."""
CONNECT: Final = 0x00A
"""Request alone; TCP allocations."""
CONNECTION_BIND: Final = 0x00B
"""Request alone, on the stream that is to carry a peer's data; TCP allocations."""
CONNECTION_ATTEMPT: Final = 0x00C
"""Indication alone, from server to client; TCP allocations."""
