"""What can be said about a DTLS connection and the certificate of its peer, for programs (`--json`) and for people."""

import re
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from rtc_dtls import CipherSuiteId, DtlsConnection, Fingerprint, GroupId, SignatureScheme, SrtpProfile, Version

VERSIONS: Final = {"1.2": Version.DTLS_1_2, "1.3": Version.DTLS_1_3}


def suite_name(suite: int) -> str:
    """The name in the TLS registry, which has a word between key exchange and cipher that the enumeration leaves out."""
    try:
        return "TLS_" + re.sub(r"^(ECDHE_(?:ECDSA|RSA))_", r"\1_WITH_", CipherSuiteId(suite).name)
    except ValueError:
        return f"0x{suite:04X}"


def group_name(group: int) -> str:
    """The name in the TLS registry."""
    try:
        name = GroupId(group).name
    except ValueError:
        return f"0x{group:04X}"
    return name if "MLKEM" in name else name.lower()


def scheme_name(scheme: int) -> str:
    """The name in the TLS registry."""
    try:
        return SignatureScheme(scheme).name.lower()
    except ValueError:
        return f"0x{scheme:04X}"


def version_name(version: int) -> str:
    """As people write it."""
    return next((name for name, known in VERSIONS.items() if known == version), f"0x{version:04X}")


def certificate_facts(der: bytes) -> dict[str, object]:
    """A certificate, as far as it can be read."""
    facts: dict[str, object] = {"fingerprint": str(Fingerprint.of(der))}
    try:
        certificate = x509.load_der_x509_certificate(der)
        facts["subject"] = certificate.subject.rfc4514_string()
        facts["issuer"] = certificate.issuer.rfc4514_string()
        facts["not_before"] = certificate.not_valid_before_utc.isoformat()
        facts["not_after"] = certificate.not_valid_after_utc.isoformat()
        facts["key"] = _key(certificate)
    except (ValueError, UnsupportedAlgorithm) as error:
        facts["error"] = str(error)
    return facts


def _key(certificate: x509.Certificate) -> str:
    match certificate.public_key():
        case ec.EllipticCurvePublicKey(curve=curve):
            return f"ECDSA {curve.name}"
        case rsa.RSAPublicKey(key_size=bits):
            return f"RSA {bits}"
        case ed25519.Ed25519PublicKey():
            return "Ed25519"
        case other:
            return type(other).__name__


def describe_certificate(facts: dict[str, object]) -> str:
    """One line for people."""
    if "error" in facts:
        return f"cannot be read ({facts['error']}); {facts['fingerprint']}"
    return f"{facts['subject'] or 'no subject'}, {facts['key']}, until {facts['not_after']}; {facts['fingerprint']}"


def connection_facts(connection: DtlsConnection) -> dict[str, object]:
    """What a handshake agreed on."""
    version, suite, group = connection.version, connection.cipher_suite, connection.group
    scheme, profile, stats = connection.peer_signature_algorithm, connection.selected_srtp_profile, connection.stats
    return {
        "version": None if version is None else version_name(version),
        "cipher_suite": None if suite is None else suite_name(suite),
        "group": None if group is None else group_name(group),
        "signature_algorithm": None if scheme is None else scheme_name(scheme),
        "extended_master_secret": connection.extended_master_secret,
        "srtp_profile": None if profile is None else srtp_name(profile),
        "alpn_protocol": connection.alpn_protocol,
        "record_overhead": connection.record_overhead,
        "datagrams_sent": stats.datagrams_sent,
        "datagrams_received": stats.datagrams_received,
        "bytes_sent": stats.bytes_sent,
        "bytes_received": stats.bytes_received,
        "flights_retransmitted": stats.flights_retransmitted,
        "dropped": dict(stats.dropped),
    }


def srtp_name(profile: SrtpProfile) -> str:
    """The name in the registry of DTLS-SRTP profiles."""
    return f"SRTP_{profile.name}"


def describe(facts: dict[str, object], ms: float) -> str:
    """What was agreed on, one line for people."""
    words = [f"DTLS {facts['version']}", facts["cipher_suite"], facts["group"]]
    if facts["signature_algorithm"] is not None:
        words.append(f"signed with {facts['signature_algorithm']}")
    words += [
        facts["srtp_profile"] or "no SRTP",
        f"ALPN {facts['alpn_protocol']}" if facts["alpn_protocol"] else "no ALPN",
    ]
    if facts["extended_master_secret"] is False:
        words.append("without extended master secret")
    words.append(f"in {ms} ms")
    if facts["flights_retransmitted"]:
        words.append(f"{facts['flights_retransmitted']} flights repeated")
    return ", ".join(str(word) for word in words)
