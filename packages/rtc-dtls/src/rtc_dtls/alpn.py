"""The application protocols of WebRTC. See :rfc:`8833#section-2`.

Both are the same protocol; whoever negotiates the second promises to keep the peer's media from other applications,
which no program that records or forwards it can.
"""

from typing import Final

WEBRTC: Final = "webrtc"
CONFIDENTIAL_WEBRTC: Final = "c-webrtc"

# [rfc8833:2/1] [rfc8833:2/2]
WEBRTC_PROTOCOLS: Final = (WEBRTC, CONFIDENTIAL_WEBRTC)
"""What `DtlsConfig.alpn_protocols` is where confidentiality can be promised and is not needed."""


def is_confidential(protocol: str | None) -> bool:
    """Whether confidentiality was promised: only in so many words. Without any protocol, "webrtc" is assumed."""
    # [rfc8833:2/4] [rfc8833:2/5]
    return protocol == CONFIDENTIAL_WEBRTC
