"""What two peers agreed on, read from the statistics of one of them."""

from typing import Final

from rtc_asyncio import RTCIceCandidateStats, RTCStatsReport

_DTLS_VERSIONS: Final = {"FEFD": "1.2", "FEFC": "1.3"}


def describe(report: RTCStatsReport) -> dict[str, object]:
    """The facts of a connection, under keys that stay: documented in docs/packages/rtc-cli.md."""
    transport, pair = report.transport, report.selected_pair
    found: dict[str, object] = {}
    if transport is not None:
        found["dtls_version"] = _DTLS_VERSIONS.get(transport.tlsVersion or "", transport.tlsVersion)
        found["cipher"] = transport.dtlsCipher
        found["dtls_role"] = transport.dtlsRole
    if pair is not None:
        found["local"] = _candidate(report, pair.localCandidateId)
        found["remote"] = _candidate(report, pair.remoteCandidateId)
        if pair.currentRoundTripTime is not None:
            found["ice_round_trip_ms"] = round(pair.currentRoundTripTime * 1000, 3)
    return found


def endpoint(host: str | None, port: int | None) -> str:
    """An address as people write it: 192.0.2.1:5000, [2001:db8::1]:5000."""
    return f"[{host}]:{port}" if host and ":" in host else f"{host}:{port}"


def path(negotiated: dict[str, object]) -> tuple[str, str]:
    """Both ends of the selected pair, for people."""
    local, remote = (_end(negotiated.get(side)) for side in ("local", "remote"))
    return local, remote


def security(negotiated: dict[str, object]) -> str:
    """The protocol version and the cipher suite, for people."""
    return f"DTLS {negotiated.get('dtls_version')}, {negotiated.get('cipher')}"


def _candidate(report: RTCStatsReport, key: str) -> dict[str, object] | None:
    stats = report.get(key)
    if not isinstance(stats, RTCIceCandidateStats):
        return None
    return {"type": stats.candidateType, "address": stats.address, "port": stats.port, "protocol": stats.protocol}


def _end(candidate: object) -> str:
    match candidate:
        case {"type": str(kind), "address": str(address), "port": int(port), "protocol": str(protocol)}:
            return f"{endpoint(address, port)}/{protocol} ({kind})"
        case _:
            return "unknown"
