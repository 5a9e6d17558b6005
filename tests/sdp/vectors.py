"""The descriptions of tests/vectors/sdp, and small ones to build tests from."""

from pathlib import Path

from rtc_sdp import SessionDescription

FOLDER = Path(__file__).parent.parent / "vectors" / "sdp"
DESCRIPTIONS = sorted(path.name for path in FOLDER.glob("*.sdp"))

HEAD = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"
FINGERPRINT = "sha-256 " + ":".join(["0A"] * 32)


def raw(name: str) -> bytes:
    return (FOLDER / name).read_bytes()


def load(name: str) -> SessionDescription:
    return SessionDescription.parse(raw(name))


def build(*lines: str, head: str = HEAD) -> SessionDescription:
    """Parse a description of the usual beginning and these lines."""
    return SessionDescription.parse(head + "".join(line + "\r\n" for line in lines))


def audio(*lines: str, formats: str = "0") -> tuple[str, ...]:
    """Return an audio section without security."""
    return (f"m=audio 5004 RTP/AVP {formats}", "c=IN IP4 192.0.2.1", *lines)


def _transport(mid: str, setup: str) -> tuple[str, ...]:
    return (
        "c=IN IP4 0.0.0.0",
        "a=ice-ufrag:8hhY",
        "a=ice-pwd:asd88fgpdd777uzjYhagZg",
        f"a=fingerprint:{FINGERPRINT}",
        f"a=setup:{setup}",
        f"a=mid:{mid}",
    )


def secured(*lines: str, mid: str = "0", setup: str = "actpass", port: int = 9) -> tuple[str, ...]:
    """Return an audio section over DTLS-SRTP as a browser would write it, and these lines."""
    return (
        f"m=audio {port} UDP/TLS/RTP/SAVPF 111",
        *_transport(mid, setup),
        "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid",
        "a=rtcp-mux",
        "a=rtpmap:111 opus/48000/2",
        *lines,
    )


def data(*lines: str, mid: str = "0", setup: str = "actpass", protocol: str = "UDP/DTLS/SCTP") -> tuple[str, ...]:
    """Return a data section as a browser would write it, and these lines."""
    return (
        f"m=application 9 {protocol} webrtc-datachannel",
        *_transport(mid, setup),
        "a=sctp-port:5000",
        *lines,
    )
