"""`RTCStats`: what every dictionary of a statistics report has (WebRTC 1.0, section 8.4)."""

from dataclasses import fields
from typing import Literal, TypeAlias

from .dataclass import dataclass

RTCStatsType: TypeAlias = Literal[
    "candidate-pair",
    "certificate",
    "codec",
    "data-channel",
    "inbound-rtp",
    "local-candidate",
    "media-playout",
    "media-source",
    "outbound-rtp",
    "peer-connection",
    "remote-candidate",
    "remote-inbound-rtp",
    "remote-outbound-rtp",
    "transport",
]


@dataclass(slots=True, kw_only=True)
class RTCStats:
    """What every dictionary of a report has."""

    id: str
    """Key in the report; other dictionaries refer to it."""
    timestamp: float
    """Milliseconds since 1970-01-01."""
    type: RTCStatsType

    def toJSON(self) -> dict[str, object]:
        """A dict without the members that have no value, as a browser gives it."""
        values = ((member.name, getattr(self, member.name)) for member in fields(self))
        return {name: value for name, value in values if value is not None}
