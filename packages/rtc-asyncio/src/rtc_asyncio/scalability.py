"""The scalability modes of a stream, and who can make them (WebRTC-SVC, sections 4 and 5)."""

import re
from typing import TYPE_CHECKING, Final

from .dataclass import dataclass

if TYPE_CHECKING:
    from .codecs import CodecFactory

_MODES: Final = re.compile(r"L1T[123]|[LS][23]T[123]h?|L[23]T[23]_KEY(_SHIFT)?|L3T1_KEY")
_SIMULCAST: Final = re.compile(r"S\dT\dh?")


@dataclass(frozen=True, slots=True)
class Scalability:
    """Tells which modes can be asked for.

    Args:
        factory: The codec package; without one, whoever encodes frames may know any mode.
    """

    factory: "CodecFactory | None"

    def is_known(self, mode: str, mime_type: str) -> bool:
        """Whether an encoder of this codec makes streams of this mode."""
        if not _MODES.fullmatch(mode) or not mime_type.lower().startswith("video/"):
            return False
        return self.factory is None or mode in self.factory.scalability_modes(mime_type)


def is_simulcast(mode: str) -> bool:
    """Whether it puts pictures of several sizes, each independent of the others, into one stream."""
    return _SIMULCAST.fullmatch(mode) is not None
