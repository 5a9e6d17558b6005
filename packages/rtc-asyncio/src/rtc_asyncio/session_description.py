"""`RTCSessionDescription` (WebRTC 1.0, section 4.6.2)."""

from collections.abc import Mapping
from typing import Final

from .dataclass import dataclass
from .dictionaries import RTCSdpType

SDP_TYPES: Final[tuple[RTCSdpType, ...]] = ("offer", "pranswer", "answer", "rollback")


@dataclass(frozen=True, slots=True)
class RTCSessionDescription:
    """A session description and what it is for.

    `RTCSessionDescription(sdp=..., type=...)` and `RTCSessionDescription({"type": ..., "sdp": ...})` both work; the object
    also serves wherever an `RTCSessionDescriptionInit` is asked for.
    """

    sdp: str
    type: RTCSdpType

    def __init__(
        self, descriptionInitDict: Mapping[str, object] | None = None, *, sdp: str = "", type: RTCSdpType | None = None
    ) -> None:
        wanted: object = type
        text: object = sdp
        if descriptionInitDict is not None:
            wanted = descriptionInitDict.get("type", type)
            text = descriptionInitDict.get("sdp", sdp)
        for known in SDP_TYPES:
            if wanted == known:
                object.__setattr__(self, "type", known)
                break
        else:
            raise TypeError(f"type is one of {', '.join(SDP_TYPES)}, not {wanted!r}")
        if not isinstance(text, str):
            raise TypeError(f"sdp is a str, not {text.__class__.__name__}")
        object.__setattr__(self, "sdp", text)

    def toJSON(self) -> dict[str, str]:
        """A dict for `json.dumps`, with the keys a browser expects."""
        return {"type": self.type, "sdp": self.sdp}
