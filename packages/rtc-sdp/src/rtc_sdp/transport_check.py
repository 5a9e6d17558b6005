"""Rules of the transport attributes: ICE and DTLS.

See :rfc:`8839`, :rfc:`8842` and :rfc:`8122`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from rtc_sdp.attribute_check import uses_dtls
from rtc_sdp.bundle import Bundles
from rtc_sdp.dtls import Fingerprint, Role, Setup
from rtc_sdp.errors import Problem
from rtc_sdp.ice import Candidate, IceLite, IceMismatch, IcePacing, IcePwd, IceUfrag
from rtc_sdp.media import MediaDescription
from rtc_sdp.session import SessionDescription

MAX_SENT_UFRAG_LENGTH: Final = 32


def check_transport(description: SessionDescription, bundles: Bundles) -> Iterator[Problem]:
    """Check the transport of every section that is not rejected."""
    # [rfc8839:4.3.1/4] [rfc8839:4.3.2/4]
    if description.has(IceLite) and description.has(IcePacing):
        yield Problem("ice-pacing of a lite agent, which makes no checks", "RFC 8839 section 4.3.1")
    passwords: dict[str, str] = {}
    for index, media in enumerate(description.media):
        if bundles.is_rejected(media):
            # [rfc8839:4.2.1.6/2] [rfc8839:4.4.1.1.2/1]
            if media.has(Candidate):
                yield Problem("candidates of a section with port 0", "RFC 8839 section 4.4.1.1.2", index)
            continue
        transport = bundles.transport_section(media)
        yield from _check_ice(description, transport, index, passwords)
        # [rfc8839:4.2.5/2]
        if media.has(IceMismatch) and media.has(Candidate):
            yield Problem("candidates beside ice-mismatch", "RFC 8839 section 4.2.5", index)
        if uses_dtls(media):
            yield from _check_dtls(description, transport, index)


def _check_ice(
    description: SessionDescription, media: MediaDescription, index: int, passwords: dict[str, str]
) -> Iterator[Problem]:
    ufrag, password = description.effective(media, IceUfrag), description.effective(media, IcePwd)
    if ufrag is None and password is None and not media.has(Candidate):
        return
    # [rfc8839:5.4/1]
    if ufrag is None or password is None:
        yield Problem("ice-ufrag and ice-pwd are not both there", "RFC 8839 section 5.4", index)
        return
    # [rfc8839:5.4/2]
    if passwords.setdefault(ufrag.ufrag, password.password) != password.password:
        yield Problem("one ice-ufrag with two ice-pwd", "RFC 8839 section 5.4", index)
    # [rfc8839:5.4/4]
    if len(ufrag.ufrag) > MAX_SENT_UFRAG_LENGTH:
        yield Problem(f"ice-ufrag longer than {MAX_SENT_UFRAG_LENGTH}", "RFC 8839 section 5.4", index)


def _check_dtls(description: SessionDescription, media: MediaDescription, index: int) -> Iterator[Problem]:
    # [rfc8122:5/1] [rfc8122:5/2] [rfc8841:10.1/1] [rfc8842:5.2/2] [rfc8842:5.3/2]
    if not any(fingerprint.is_usable for fingerprint in description.effective_all(media, Fingerprint)):
        yield Problem("no fingerprint with a hash function that counts", "RFC 8122 section 5", index)
    setup = description.effective(media, Setup)
    # [rfc8841:10.2/1] [rfc8841:10.3/2]
    if setup is None:
        yield Problem("no setup", "RFC 8842 section 5", index)
    # [rfc8841:9.5/1] [rfc8842:5.1/2]
    elif setup.role is Role.HOLDCONN:
        yield Problem("setup:holdconn has no meaning for DTLS", "RFC 8842 section 5.1", index)
