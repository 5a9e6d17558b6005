"""The kept inputs: one file a target, one input a line, in hexadecimal digits."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tests.dtls.ends import Ends, certificate
from tests.dtls.hostile13.puppet import EACH_STAGE, stage

from rtc_dtls import Role
from rtc_dtls.handshake import Fragment
from rtc_dtls.record import ContentType, Record, split_datagram

FOLDER: Final = Path(__file__).parent / "corpus"
MAX_INPUTS: Final = 400
MAX_INPUT_LENGTH: Final = 3000
_TYPES: Final = (1, 2, 3, 11, 13, 15, 12, 16, 14, 20)
"""Types of the messages in the order of `targets.CODECS`."""


def load(target: str) -> list[bytes]:
    """The inputs of a target."""
    path = FOLDER / f"{target}.txt"
    lines = path.read_text(encoding="ascii").split() if path.exists() else []
    return [bytes.fromhex(line) for line in lines]


def save(target: str, inputs: list[bytes]) -> None:
    """Keep inputs, the shortest ones if there are too many."""
    FOLDER.mkdir(exist_ok=True)
    kept = sorted({each for each in inputs if 0 < len(each) <= MAX_INPUT_LENGTH}, key=lambda each: (len(each), each))
    text = "".join(f"{each.hex()}\n" for each in kept[:MAX_INPUTS])
    (FOLDER / f"{target}.txt").write_text(text, encoding="ascii")


def honest(target: str) -> list[bytes]:
    """Inputs to begin with: what two of ours say to each other."""
    ends = Ends(seed="fuzz").connect()
    ends.client.send(b"data")
    ends.client.close(0.0)
    ends.carry()
    client, server = ends.sent[Role.CLIENT], ends.sent[Role.SERVER]
    match target:
        case "record":
            return [*client, *server]
        case "handshake":
            return [
                bytes([_TYPES.index(message.message_type)]) + message.data
                for datagram in (*client, *server)
                for record in split_datagram(datagram)[0]
                if isinstance(record, Record) and record.epoch == 0 and record.content_type == ContentType.HANDSHAKE
                for message in _fragments(record.fragment)
            ]
        case "certificate":
            return [certificate(kind).chain[0] for kind in ("ecdsa-p256", "ecdsa-p384", "ed25519", "rsa-2048")]
        case "network":
            flights = {0: server, 1: client}  # those of DTLS 1.2
            return [
                bytes([state]) + b"".join(len(each).to_bytes(2, "big") + each for each in flights[state % 2])
                for state in range(24)
            ]
        case "stage":
            return [
                bytes([number, message.message_type, 0]) + len(message.body).to_bytes(2, "big") + message.body
                for number, (role, name) in enumerate(EACH_STAGE)
                for message in (stage(role, name).message,)
            ]
        case _:
            contents = ((21, b"\x01\x00"), (21, b"\x02\x28"), (23, b"data"), (22, b"\x00" * 12), (20, b"\x01"))
            return [
                bytes([side])
                + b"".join(bytes([kind - 20]) + len(content).to_bytes(2, "big") + content for kind, content in contents)
                for side in range(4)
            ]


def _fragments(content: bytes) -> Iterator[Fragment]:
    at = 0
    while at < len(content):
        fragment, at = Fragment.parse(content, at)
        yield fragment
