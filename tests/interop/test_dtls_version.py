"""Which DTLS a browser and we agree on, as both sides tell it, and that data flow on each: versions, groups, suites."""

from dataclasses import replace

import pytest

from rtc_asyncio import PeerOptions, RTCPeerConnection, RTCTransportStats
from rtc_dtls import CipherSuiteId, DtlsConfig, GroupId, Version
from rtc_ice import IceConfig
from rtc_peer import WEBRTC_HANDSHAKE

from .remote import Call, Program, Remote

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.programs("chromium", "firefox")]

THEIR_TRANSPORT = 'return [...(await peer.pc.getStats()).values()].find(({ type }) => type === "transport") ?? null;'
OF_1_2 = ("FEFD", "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256")
OF_1_3 = ("FEFC", "TLS_AES_128_GCM_SHA256")
SETTINGS: dict[str, tuple[dict[str, object], tuple[str, str], str | None]] = {
    "default": ({}, OF_1_3, "X25519MLKEM768"),
    "x25519": ({"groups": (GroupId.X25519,)}, OF_1_3, "x25519"),
    # Browsers send no share of these: as server we ask for one, as client we have to send one at once.
    "p-256": ({"groups": (GroupId.SECP256R1,)}, OF_1_3, "secp256r1"),
    "p-384": ({"groups": (GroupId.SECP384R1,)}, OF_1_3, "secp384r1"),
    # Which one they then ask for is theirs to choose.
    "no share": ({"key_share_groups": ()}, OF_1_3, None),
    "chacha20": (
        {"cipher_suites": (CipherSuiteId.CHACHA20_POLY1305_SHA256,)},
        ("FEFC", "TLS_CHACHA20_POLY1305_SHA256"),
        "X25519MLKEM768",
    ),
    "1.2": ({"versions": (Version.DTLS_1_2,)}, OF_1_2, "x25519"),
    "small records": ({"record_size_limit": 600}, OF_1_3, "X25519MLKEM768"),
    "small datagrams": ({"mtu": 400}, OF_1_3, "X25519MLKEM768"),
}


@pytest.mark.parametrize("offerer", ["ours", "theirs"])
@pytest.mark.parametrize("setting", SETTINGS)
async def test_browser_and_we_agree(program: Program, offerer: str, setting: str) -> None:
    options, agreed, group = SETTINGS[setting]
    dtls: DtlsConfig = replace(WEBRTC_HANDSHAKE, **options)  # type: ignore[arg-type]
    ours = RTCPeerConnection(options=PeerOptions(dtls=dtls, ice=IceConfig(allow_loopback=True)))
    call = Call(ours, await Remote.create(program))
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
    here = next(each for each in (await ours.getStats()).values() if isinstance(each, RTCTransportStats))
    assert (here.tlsVersion, here.dtlsCipher) == agreed
    if group is not None:
        assert here.tlsGroup == group
    there = await call.theirs.run(THEIR_TRANSPORT)
    # Chromium and Firefox have them; others may not.
    if isinstance(there, dict) and "tlsVersion" in there:
        assert (there["tlsVersion"], there["dtlsCipher"]) == agreed
        assert there["dtlsRole"] != here.dtlsRole
    await call.close()
