"""What browsers sent: packets of a few frames, and what the page's own encoder made of each (tests/vectors/rtp)."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rtc_rtp import RtpPacket

VECTORS = Path(__file__).parents[2] / "vectors" / "rtp"


@dataclass
class CapturedFrame:
    timestamp: int
    keyframe: bool
    packets: list[RtpPacket]
    layers: list[tuple[int, str]]
    """Length and SHA-256 of what the encoder made, a layer frame each."""
    width: int | None
    height: int | None
    temporal_id: int | None


@dataclass
class Capture:
    name: str
    mime_type: str
    parameters: dict[str, str]
    frames: list[CapturedFrame]


def captures(*mime_types: str) -> list[Capture]:
    """Every capture of these media types; of all without any."""
    found = [_read(path) for path in sorted(VECTORS.glob("*.json"))]
    return [each for each in found if not mime_types or each.mime_type in mime_types]


def _read(path: Path) -> Capture:
    content: dict[str, Any] = json.loads(path.read_text())
    frames = [
        CapturedFrame(
            each["timestamp"],
            each["keyframe"],
            [RtpPacket.parse(bytes.fromhex(packet)) for packet in each["packets"]],
            [(layer["length"], layer["sha256"]) for layer in each["layers"]],
            each.get("width"),
            each.get("height"),
            each.get("temporal_id"),
        )
        for each in content["frames"]
    ]
    return Capture(path.stem, content["mime_type"], content["parameters"], frames)


def digests(layers: list[bytes]) -> list[tuple[int, str]]:
    return [(len(layer), hashlib.sha256(layer).hexdigest()) for layer in layers]
