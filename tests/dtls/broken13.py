"""A handshake of DTLS 1.3 in which one side breaks one rule."""

from dataclasses import replace

import pytest
from tests.dtls.ends import Ends
from tests.dtls.ends13 import CLIENT, ONLY_13, SERVER
from tests.dtls.misbehave import Change, failure, misbehave

from rtc_dtls import AlertDescription, ConnectionState, DtlsConfig, DtlsConnection, GroupId, Role
from rtc_dtls.handshake import HandshakeType

A = AlertDescription
T = HandshakeType
PLAIN_CLIENT = replace(CLIENT, versions=ONLY_13, groups=(GroupId.X25519, GroupId.SECP256R1))
PLAIN_SERVER = replace(SERVER, groups=(GroupId.X25519, GroupId.SECP256R1))


def end(pair: Ends, role: Role) -> DtlsConnection:
    return pair.client if role is Role.CLIENT else pair.server


def other(role: Role) -> Role:
    return Role.SERVER if role is Role.CLIENT else Role.CLIENT


def broken(
    monkeypatch: pytest.MonkeyPatch,
    who: Role,
    what: HandshakeType,
    change: Change,
    *,
    client: DtlsConfig = PLAIN_CLIENT,
    server: DtlsConfig = PLAIN_SERVER,
    become: HandshakeType | None = None,
    skip: int = 0,
) -> tuple[int | None, str | None]:
    """Let one side send a message otherwise, and return the alert and the section with which the other gives up."""
    pair = Ends(client, server)
    misbehave(monkeypatch, end(pair, who), what, change, become=become, skip=skip)
    pair.connect()
    failed = failure(pair, other(who))
    assert end(pair, who).state is ConnectionState.FAILED
    return failed.alert, failed.section
