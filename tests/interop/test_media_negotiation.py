"""Renegotiation with a browser, long and in random order: both sides always mean the same. Descriptions alone, no media."""

import random
from typing import Final, cast

import pytest
from tests.peer.pair import make_peer
from tests.support.peers import require

from rtc_peer import PeerConnection, RtpTransceiver, SdpType, SessionDescription
from rtc_sdp import Direction

from .browser import NAMES, Browser, executable

pytestmark = pytest.mark.asyncio(loop_scope="session")

STEPS: Final = 30
MOST_TRANSCEIVERS: Final = 6

SETUP: Final = """
globalThis.pc = new RTCPeerConnection();
globalThis.stream = await navigator.mediaDevices.getUserMedia({audio: true, video: true});
globalThis.living = () => pc.getTransceivers().filter((each) => each.direction !== "stopped" && !each.stopped);
"""
CHANGE: Final = """
const [change, number] = argument, all = living(), chosen = all[number % Math.max(all.length, 1)];
const directions = ["sendrecv", "sendonly", "recvonly", "inactive"], kind = number % 2 ? "audio" : "video";
if (change === "transceiver" && all.length < 6) pc.addTransceiver(kind, {direction: directions[number % 4]});
else if (change === "track" && all.length < 6) pc.addTrack(stream.getTracks().find((each) => each.kind === kind).clone(), stream);
else if (change === "data") pc.createDataChannel("data");
else if (!chosen) return;
else if (change === "untrack") pc.removeTrack(chosen.sender);
else if (change === "direction") chosen.direction = directions[number % 4];
else if (change === "stop") chosen.stop();
"""
OFFER: Final = "await pc.setLocalDescription(await pc.createOffer()); return pc.localDescription.sdp;"
ANSWER: Final = """
await pc.setRemoteDescription({type: "offer", sdp: argument});
await pc.setLocalDescription(); return pc.localDescription.sdp;
"""
ACCEPT: Final = """await pc.setRemoteDescription({type: "answer", sdp: argument});"""
ROLL_BACK: Final = """await pc.setLocalDescription({type: "rollback"});"""
STANDING: Final = """return pc.getTransceivers().filter((each) => each.mid !== null && each.currentDirection !== "stopped")
  .map((each) => [each.mid, each.currentDirection]);"""

CHANGES: Final = ("transceiver", "track", "untrack", "direction", "direction", "stop", "data")


def _change(peer: PeerConnection, change: str, number: int) -> None:
    """As in the browser."""
    living = [each for each in peer.transceivers if not each.stopping]
    kind = "audio" if number % 2 else "video"
    direction = list(Direction)[number % 4]
    if change == "transceiver" and len(living) < MOST_TRANSCEIVERS:
        peer.add_transceiver(kind, direction=direction)
    elif change == "track" and len(living) < MOST_TRANSCEIVERS:
        peer.add_track(kind, f"track{number}", ["stream"])
    elif change == "data":
        peer.create_data_channel("data")
    elif living:
        _change_transceiver(peer, living[number % len(living)], change, direction)


def _change_transceiver(peer: PeerConnection, chosen: RtpTransceiver, change: str, direction: Direction) -> None:
    if change == "untrack":
        peer.remove_track(chosen.sender)
    elif change == "direction":
        chosen.direction = direction
    elif change == "stop":
        chosen.stop()


class Talk:
    """One of ours and one of the browser's."""

    def __init__(self, browser: Browser, seed: int) -> None:
        self.browser = browser
        self.peer = make_peer(f"ours {seed}")

    def _local(self) -> str:
        assert self.peer.local_description is not None
        return self.peer.local_description.sdp

    async def we_offer(self, *, give_up: bool) -> None:
        """Our offer, and their answer."""
        self.peer.set_local_description(SessionDescription(SdpType.OFFER), 0.0)
        if give_up:
            self.peer.set_local_description(SessionDescription(SdpType.ROLLBACK), 0.0)
            return
        answer = await self.browser.run(ANSWER, self._local())
        self.peer.set_remote_description(SessionDescription(SdpType.ANSWER, cast("str", answer)), 0.0)

    async def they_offer(self, *, give_up: bool) -> None:
        """Their offer, and our answer."""
        offer = SessionDescription(SdpType.OFFER, cast("str", await self.browser.run(OFFER)))
        self.peer.set_remote_description(offer, 0.0)
        if give_up:
            self.peer.set_remote_description(SessionDescription(SdpType.ROLLBACK), 0.0)
            await self.browser.run(ROLL_BACK)
            return
        self.peer.set_local_description(None, 0.0)
        await self.browser.run(ACCEPT, self._local())

    async def check(self) -> None:
        """Both name the same sections, and go in the same directions."""
        theirs = dict(cast("list[tuple[str, str | None]]", await self.browser.run(STANDING)))
        ours = {
            each.mid: each.current_direction.reversed.value
            for each in self.peer.transceivers
            if each.mid is not None and each.current_direction is not None
        }
        assert ours == {mid: direction for mid, direction in theirs.items() if direction is not None}


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", NAMES)
async def test_both_mean_the_same_whatever_they_negotiate_in_whatever_order(name: str, seed: int) -> None:
    require(executable(name), f"{name} is not installed")
    chance = random.Random(seed)
    history: list[str] = []
    async with Browser.launch(name) as browser:
        talk = Talk(browser, seed)
        await browser.run(SETUP)
        talk.peer.add_track("audio", "first")

        for step in range(STEPS):
            for _ in range(chance.randrange(3)):
                change, number = chance.choice(CHANGES), chance.randrange(100)
                if chance.randrange(2):
                    history.append(f"we: {change} {number}")
                    _change(talk.peer, change, number)
                else:
                    history.append(f"they: {change} {number}")
                    await browser.run(CHANGE, [change, number])
            give_up = step > 0 and chance.randrange(6) == 0
            history.append(f"{step}: give up {give_up}")
            try:
                await (talk.we_offer if chance.randrange(2) else talk.they_offer)(give_up=give_up)
                await talk.check()
            except BaseException as error:
                error.add_note("\n".join(history))
                raise
