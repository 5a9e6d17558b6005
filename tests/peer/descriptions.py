"""Remote descriptions for tests: those of tests/vectors, and small ones to vary."""

from pathlib import Path

from rtc_peer import PeerConnection, SdpType, SessionDescription
from rtc_sdp import SessionDescription as SdpDocument

FOLDER = Path(__file__).parent.parent / "vectors" / "sdp"
DIGITS = ":".join(["0A"] * 32)
FINGERPRINT = f"fingerprint:sha-256 {DIGITS}"
HOST = "candidate:1 1 udp 2130706431 192.0.2.2 5000 typ host"


def vector(name: str, kind: SdpType = SdpType.OFFER) -> SessionDescription:
    """A description that another implementation writes."""
    return SessionDescription(kind, (FOLDER / f"{name}.sdp").read_text())


def section(
    *lines: str,
    mid: str | None = "0",
    setup: str | None = "actpass",
    protocol: str = "UDP/DTLS/SCTP",
    media: str = "application",
    fmt: str = "webrtc-datachannel",
    port: int = 9,
    ufrag: str | None = "8hhY",
    password: str | None = "asd88fgpdd777uzjYhagZg",
    fingerprint: str | None = FINGERPRINT,
    sctp_port: str | None = "sctp-port:5000",
) -> list[str]:
    """A section of a data channel; None leaves a line out."""
    attributes = [
        ufrag and f"ice-ufrag:{ufrag}",
        password and f"ice-pwd:{password}",
        fingerprint,
        setup and f"setup:{setup}",
        mid is not None and f"mid:{mid}",
        media == "application" and sctp_port,
        *lines,
    ]
    head = [f"m={media} {port} {protocol} {fmt}", "c=IN IP4 0.0.0.0"]
    return head + [f"a={each}" for each in attributes if each]


def audio(*lines: str, mid: str = "1", port: int = 9, **options: str | None) -> list[str]:
    """An audio section as a browser writes it, but with a format that nobody has: it will be rejected."""
    return section(
        "rtcp-mux",
        "rtpmap:111 unheard-of/48000/2",
        *lines,
        media="audio",
        protocol="UDP/TLS/RTP/SAVPF",
        fmt="111",
        mid=mid,
        port=port,
        **options,
    )


def describe(
    *sections: list[str], session: tuple[str, ...] = (), kind: SdpType = SdpType.OFFER, version: int = 1
) -> SessionDescription:
    """Put sections together."""
    head = ["v=0", f"o=- 1 {version} IN IP4 0.0.0.0", "s=-", "t=0 0", *(f"a={each}" for each in session)]
    lines = head + [line for each in sections for line in each]
    return SessionDescription(kind, "".join(line + "\r\n" for line in lines))


def parsed(description: SessionDescription | None) -> SdpDocument:
    """A description to look into."""
    assert description is not None
    return SdpDocument.parse(description.sdp)


def answer_to(peer: PeerConnection, offer: SessionDescription) -> SdpDocument:
    """Let a peer answer, and return what it says."""
    peer.set_remote_description(offer, 0.0)
    peer.set_local_description(None, 0.0)
    return parsed(peer.local_description)
