"""RTCP with Chromium, Firefox and libwebrtc in Node: bandwidth that they do not know, and help with the round trip that they give."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from rtc_asyncio import PeerOptions, RTCPeerConnection, RTCRemoteOutboundRtpStreamStats
from rtc_peer import MediaOptions

from .remote import Call, Program, Remote
from .remote_media import equip
from .test_media import PROGRAMS, connect, either_offers, eventually, grown

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.programs(*PROGRAMS)]


@pytest_asyncio.fixture(loop_scope="session")
async def call(program: Program) -> AsyncIterator[Call]:
    """A connection that has little bandwidth for RTCP."""
    options = PeerOptions(media=MediaOptions(rtcp_senders_bps=30_000, rtcp_receivers_bps=30_000))
    conversation = Call(RTCPeerConnection(codecs=None, options=options), await Remote.create(program))
    await equip(conversation.theirs)
    yield conversation
    await conversation.close()


@either_offers
async def test_media_flow_whatever_rtcp_may_cost(call: Call, offerer: str) -> None:
    echo = await connect(call, offerer)
    await grown(call, "inbound-rtp video framesDecoded", "inbound-rtp audio packetsReceived")
    echo.close()

    local, remote = call.ours.localDescription, call.ours.remoteDescription
    assert local is not None
    assert remote is not None
    assert local.sdp.count("b=RS:30000\r\nb=RR:30000\r\n") == 2
    # Chromium speaks of extended reports, Firefox does not.
    spoken = 2 if offerer == "ours" else remote.sdp.count("a=rtcp-xr:rcvr-rtt=all")
    assert local.sdp.count("a=rtcp-xr:rcvr-rtt=all\r\n") == spoken


async def test_who_only_receives_learns_the_round_trip_where_they_help(call: Call) -> None:
    await call.theirs.run("await peer.capture(argument.wish);", wish={"audio": False, "video": True})
    await call.connect(offerer="theirs")

    async def measured() -> bool:
        report = await call.ours.getStats()
        remote = [each for each in report.values() if isinstance(each, RTCRemoteOutboundRtpStreamStats)]
        return any(each.roundTripTimeMeasurements for each in remote)

    await eventually(measured)
