"""`RTCIceTransport`, `RTCDtlsTransport` and `RTCSctpTransport` (WebRTC 1.0, sections 5.5, 5.6 and 6.1)."""

from collections.abc import Callable
from typing import TypeVar

from .errors import RTCError

H_none = TypeVar("H_none", bound=Callable[[], object])
H_error = TypeVar("H_error", bound=Callable[[RTCError], object])
