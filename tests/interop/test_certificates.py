"""Certificates of every kind, made by `generateCertificate` on either side."""

from typing import Final

import pytest

from rtc_asyncio import RTCConfiguration, RTCPeerConnection

from .remote import Call, Program, Remote

pytestmark = pytest.mark.asyncio(loop_scope="session")

ALGORITHMS: Final[dict[str, dict[str, object]]] = {
    "P-384": {"name": "ECDSA", "namedCurve": "P-384"},
    "RSA": {
        "name": "RSASSA-PKCS1-v1_5",
        "modulusLength": 2048,
        "publicExponent": b"\x01\x00\x01",
        "hash": "SHA-256",
    },
}
EITHER_OFFERS = pytest.mark.parametrize("offerer", ["ours", "theirs"])


async def _talk(call: Call, offerer: str) -> None:
    if offerer == "ours":
        call.create("hello")
    else:
        await call.theirs.channel("hello")
    await call.connect(offerer=offerer)
    channel = await call.channel("hello")
    channel.send("question")
    await call.theirs.send("hello", "answer")

    assert await call.theirs.messages("hello", 1) == ["question"]
    assert await anext(channel.__aiter__()) == "answer"


@pytest.mark.lacking(("node-datachannel", "P-384"), ("werift", "P-384"))  # they have P-256 alone
@pytest.mark.parametrize("algorithm", ALGORITHMS)
@EITHER_OFFERS
async def test_they_take_our_certificate(program: Program, algorithm: str, offerer: str) -> None:
    certificate = await RTCPeerConnection.generateCertificate(ALGORITHMS[algorithm])
    ours = RTCPeerConnection(RTCConfiguration(certificates=[certificate]))
    call = Call(ours, await Remote.create(program))
    try:
        await _talk(call, offerer)
    finally:
        await call.close()


@pytest.mark.programs("chromium", "firefox")
@EITHER_OFFERS
async def test_we_take_their_rsa_certificate(program: Program, offerer: str) -> None:
    theirs = await Remote.create(program)
    await theirs.run(
        'const certificate = await RTCPeerConnection.generateCertificate({name: "RSASSA-PKCS1-v1_5", hash: "SHA-256",'
        " modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1])});"
        "pc.close(); peers[argument.key] = new Peer({iceServers: [], certificates: [certificate]});"
    )
    call = Call(RTCPeerConnection(), theirs)
    try:
        await _talk(call, offerer)
        report = await call.ours.getStats()
        transport = report.transport
        assert transport is not None
        assert transport.remoteCertificateId in report
    finally:
        await call.close()
