"""Passing encoded sound on: one peer sends RTP packets to the process that is measured, which sends them to another peer.

The peers live in a process of their own, so that the CPU time of the one that forwards is all its own:

    python -m tests.bench.worker ours|aiortc forwarding         measured; starts the other
    python -m tests.bench.forwarding ROUNDS                     the peers; descriptions come and go as lines of JSON

aiortc has no way to forward without decoding: its relay decodes and encodes again. The sound is G.711, which costs the least of all
codecs. Its bare transports, with packets handed from one to the other by force, are measured too (`aiortc-transports`).
"""

import asyncio
import itertools
import json
import sys
import time
from typing import Any, Final

ROUNDS: Final = {"ours": 600, "aiortc": 300, "aiortc-transports": 600}
"""Bursts that are passed on."""
BURST: Final = 10
"""Packets at a time, as if so many talked at once."""
PAUSE: Final = 0.01
"""Seconds between two bursts."""
SETTLING: Final = 0.5
"""Seconds before the first burst and after the last."""


# --- the peers ---


async def peers(rounds: int) -> None:
    """Offer to send and to receive, then send; print how many packets came back."""
    from rtc_asyncio import RTCPeerConnection, RTCRtpSender, RtpPacketTrack
    from rtc_rtp import RtpPacket

    source, sink = RTCPeerConnection(), RTCPeerConnection()
    track = RtpPacketTrack("audio")
    sending = source.addTransceiver(track, {"direction": "sendonly"})
    receiving = sink.addTransceiver("audio", {"direction": "recvonly"})
    capabilities = RTCRtpSender.getCapabilities("audio")
    assert capabilities is not None
    g711 = [each for each in capabilities.codecs if each.mimeType == "audio/PCMU"]
    offers = {}
    for name, connection, transceiver in (("source", source, sending), ("sink", sink, receiving)):
        transceiver.setCodecPreferences(g711)
        await connection.setLocalDescription()
        while connection.iceGatheringState != "complete":
            await asyncio.sleep(0.01)
        assert connection.localDescription is not None
        offers[name] = _without_estimates(connection.localDescription.sdp)
    print(json.dumps(offers), flush=True)
    answers = json.loads(await asyncio.to_thread(sys.stdin.readline))
    for name, connection in (("source", source), ("sink", sink)):
        await connection.setRemoteDescription({"type": "answer", "sdp": answers[name]})
        await connection.wait_for("connected")
    received = 0

    async def count() -> None:
        nonlocal received
        async for _ in receiving.receiver.packets():
            received += 1

    counting = asyncio.create_task(count())
    # One second of silence, so that whoever forwards has begun.
    await asyncio.sleep(2 * SETTLING)
    numbers = itertools.count()
    for _ in range(rounds):
        for number in itertools.islice(numbers, BURST):
            track.put_nowait(RtpPacket(0, number & 0xFFFF, 160 * number & 0xFFFF_FFFF, 1, bytes(160)))
        await asyncio.sleep(PAUSE)
    await asyncio.sleep(SETTLING)
    counting.cancel()
    print(json.dumps({"received": received}), flush=True)
    await source.close()
    await sink.close()


def _without_estimates(sdp: str) -> str:
    """Ask for no feedback to estimate bandwidth by: aiortc gives none, and where nobody estimates nobody paces."""
    lines = [
        line for line in sdp.splitlines() if not line.endswith(("transport-cc", "transport-wide-cc-extensions-01"))
    ]
    return "\r\n".join(lines) + "\r\n"


# --- what is measured ---


async def ours() -> dict[str, float]:
    """Packets from a receiver into a track."""
    from rtc_asyncio import RTCPeerConnection, RtpPacketTrack

    inbound, outbound = RTCPeerConnection(), RTCPeerConnection()
    tracks: list[RtpPacketTrack] = []

    async def answer(offers: dict[str, str]) -> dict[str, str]:
        await inbound.setRemoteDescription({"type": "offer", "sdp": offers["source"]})
        receiver = inbound.getReceivers()[0]
        track = RtpPacketTrack("audio", codecs=receiver.codecs, extension_map=receiver.extension_map)
        tracks.append(track)
        outbound.addTrack(track)
        await outbound.setRemoteDescription({"type": "offer", "sdp": offers["sink"]})
        answers = {}
        for name, connection in (("source", inbound), ("sink", outbound)):
            await connection.setLocalDescription()
            while connection.iceGatheringState != "complete":
                await asyncio.sleep(0.01)
            assert connection.localDescription is not None
            answers[name] = connection.localDescription.sdp
        return answers

    async def forward() -> None:
        receiver = inbound.getReceivers()[0]
        tracks[0].codecs, tracks[0].extension_map = receiver.codecs, receiver.extension_map
        async for packet in receiver.packets():
            tracks[0].put_nowait(packet)

    forwarding: list[asyncio.Task[None]] = []
    result = await _measure("ours", answer, lambda: forwarding.append(asyncio.create_task(forward())))
    forwarding[0].cancel()
    await inbound.close()
    await outbound.close()
    return result


async def aiortc(*, decoding: bool = True) -> dict[str, float]:
    """A relay of a track; or, not decoding, packets from a transport into another, before anything looks into them."""
    import aiortc
    from aiortc import RTCPeerConnection, RTCSessionDescription
    from aiortc.contrib.media import MediaRelay
    from aiortc.rtp import RtpPacket

    inbound, outbound = RTCPeerConnection(), RTCPeerConnection()
    relay = MediaRelay()

    class Nothing(aiortc.MediaStreamTrack):
        kind = "audio"

        async def recv(self) -> Any:
            await asyncio.Event().wait()

    async def answer(offers: dict[str, str]) -> dict[str, str]:
        await inbound.setRemoteDescription(RTCSessionDescription(offers["source"], "offer"))
        outbound.addTrack(relay.subscribe(inbound.getReceivers()[0].track) if decoding else Nothing())
        await outbound.setRemoteDescription(RTCSessionDescription(offers["sink"], "offer"))
        answers = {}
        for name, connection in (("source", inbound), ("sink", outbound)):
            await connection.setLocalDescription(await connection.createAnswer())
            answers[name] = connection.localDescription.sdp
        return answers

    def forward() -> None:
        if decoding:
            return
        receiver, sender = inbound.getReceivers()[0], outbound.getSenders()[0]
        transport, extensions = sender.transport, getattr(sender, "_RTCRtpSender__rtp_header_extensions_map")  # noqa: B009

        async def pass_on(packet: RtpPacket, arrival_time_ms: int) -> None:
            packet.ssrc = sender._ssrc
            await transport._send_rtp(packet.serialize(extensions))

        receiver._handle_rtp_packet = pass_on  # type: ignore[method-assign]  # by force, as the docstring says

    result = await _measure("aiortc" if decoding else "aiortc-transports", answer, forward)
    await inbound.close()
    await outbound.close()
    return result


async def transports() -> dict[str, float]:
    """Aiortc without its media."""
    return await aiortc(decoding=False)


async def _measure(name: str, answer: Any, forward: Any) -> dict[str, float]:
    """Let the peers talk through us, and count."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.bench.forwarding",
        str(ROUNDS[name]),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=1 << 20,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    offers = json.loads(await process.stdout.readline())
    process.stdin.write(json.dumps(await answer(offers)).encode() + b"\n")
    await asyncio.sleep(SETTLING)
    forward()
    before = time.process_time()
    result = json.loads(await process.stdout.readline())
    spent = time.process_time() - before
    await process.wait()
    sent = ROUNDS[name] * BURST
    return {"packets_per_cpu_second": result["received"] / spent, "arrived_percent": 100 * result["received"] / sent}


MEASUREMENTS: Final = {"ours": ours, "aiortc": aiortc, "aiortc-transports": transports}


def measure(name: str) -> dict[str, float]:
    """Measure one implementation."""
    return asyncio.run(MEASUREMENTS[name]())


if __name__ == "__main__":
    asyncio.run(peers(int(sys.argv[1])))
