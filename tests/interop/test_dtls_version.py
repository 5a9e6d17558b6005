"""Which DTLS a browser and we agree on, as both sides tell it, and that data flow on each."""

import pytest

from rtc_asyncio import RTCTransportStats

from .remote import Call

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.programs("chromium", "firefox")]

THEIR_TRANSPORT = 'return [...(await peer.pc.getStats()).values()].find(({ type }) => type === "transport") ?? null;'


@pytest.mark.parametrize("offerer", ["ours", "theirs"])
async def test_browser_and_we_speak_dtls_1_3(call: Call, offerer: str) -> None:
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
    ours = next(each for each in (await call.ours.getStats()).values() if isinstance(each, RTCTransportStats))
    assert (ours.tlsVersion, ours.dtlsCipher) == ("FEFC", "TLS_AES_128_GCM_SHA256")
    theirs = await call.theirs.run(THEIR_TRANSPORT)
    # Chromium and Firefox have them; others may not.
    if isinstance(theirs, dict) and "tlsVersion" in theirs:
        assert (theirs["tlsVersion"], theirs["dtlsCipher"]) == ("FEFC", "TLS_AES_128_GCM_SHA256")
        assert theirs["dtlsRole"] != ours.dtlsRole
