"""A webrtcbin of GStreamer that sends and decodes sound and pictures; runs under the system's Python, which has its bindings.

Each line on standard input is {"id", "command", ...}, each on standard output {"id", "result"} or {"id", "error"}. Commands:
offer, answer, set_remote, add_candidate, candidates, counters. The codec of the pictures is the first argument: vp8 or h264.

What it sends has payload types that are fixed when its pipeline is made, so the pipeline is made when the first command tells
whether somebody else's offer names them. With the URI of a TURN server as second argument, nothing but its relays is used.
"""

import json
import re
import sys
import threading
import time

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstWebRTC", "1.0")
gi.require_version("GstSdp", "1.0")
from gi.repository import Gst, GstSdp, GstWebRTC  # noqa: E402

VIDEO = {
    "vp8": "vp8enc deadline=1 keyframe-max-dist=60 ! rtpvp8pay picture-id-mode=15-bit ! application/x-rtp,media=video,encoding-name=VP8,payload={video}",
    "h264": "x264enc tune=zerolatency speed-preset=ultrafast key-int-max=60 ! video/x-h264,profile=constrained-baseline ! rtph264pay config-interval=-1 aggregate-mode=zero-latency ! application/x-rtp,media=video,encoding-name=H264,payload={video}",
}
SOURCES = (
    "webrtcbin name=webrtc bundle-policy=max-bundle "
    "videotestsrc is-live=true ! video/x-raw,width=320,height=240,framerate=30/1 ! videoconvert ! {pictures} ! webrtc. "
    "audiotestsrc is-live=true freq=440 ! audioconvert ! audioresample ! opusenc ! rtpopuspay ! "
    "application/x-rtp,media=audio,encoding-name=OPUS,payload={audio} ! webrtc."
)


class Peer:
    """One webrtcbin in one pipeline."""

    def __init__(self, codec: str, payload_types: dict[str, str], turn_server: str | None) -> None:
        pictures = VIDEO[codec].format(**payload_types)
        self.pipeline = Gst.parse_launch(SOURCES.format(pictures=pictures, **payload_types))
        self.webrtc = self.pipeline.get_by_name("webrtc")
        if turn_server is not None:
            self.webrtc.set_property("turn-server", turn_server)
            self.webrtc.set_property("ice-transport-policy", GstWebRTC.WebRTCICETransportPolicy.RELAY)
        self.found: list[dict[str, object]] = []
        self.counts = {"audio": 0, "video": 0, "width": 0, "height": 0}
        self.lock = threading.Lock()
        self.webrtc.connect("on-ice-candidate", self._candidate)
        self.webrtc.connect("pad-added", self._pad)
        self.pipeline.set_state(Gst.State.PLAYING)
        self.pipeline.get_state(5 * Gst.SECOND)
        # An offer or answer leaves out what the encoders have not said yet.
        end = time.monotonic() + 5
        while not all(pad.get_current_caps() for pad in self.webrtc.sinkpads) and time.monotonic() < end:
            time.sleep(0.01)

    def _candidate(self, _: object, index: int, candidate: str) -> None:
        with self.lock:
            self.found.append({"candidate": candidate, "sdpMLineIndex": index})

    def _pad(self, _: object, pad: Gst.Pad) -> None:
        if pad.direction != Gst.PadDirection.SRC:
            return
        decode = Gst.ElementFactory.make("decodebin")
        decode.connect("pad-added", self._decoded)
        self.pipeline.add(decode)
        decode.sync_state_with_parent()
        pad.link(decode.get_static_pad("sink"))

    def _decoded(self, _: object, pad: Gst.Pad) -> None:
        structure = pad.get_current_caps().get_structure(0)
        kind = "video" if structure.get_name().startswith("video") else "audio"
        sink = Gst.ElementFactory.make("fakesink")
        sink.set_property("signal-handoffs", True)
        sink.set_property("sync", False)
        sink.connect("handoff", self._count, kind)
        self.pipeline.add(sink)
        sink.sync_state_with_parent()
        pad.link(sink.get_static_pad("sink"))
        if kind == "video":
            self.counts["width"] = structure.get_int("width")[1]
            self.counts["height"] = structure.get_int("height")[1]

    def _count(self, _sink: object, _buffer: object, _pad: object, kind: str) -> None:
        self.counts[kind] += 1

    def _promise(self, signal: str, *arguments: object) -> Gst.Promise:
        promise = Gst.Promise.new()
        self.webrtc.emit(signal, *arguments, promise)
        promise.wait()
        return promise

    def _describe(self, kind: str) -> dict[str, str]:
        promise = self._promise(f"create-{kind}", None)
        reply = promise.get_reply()  # owned by the promise, and owns the description
        if not reply.has_field(kind):
            raise RuntimeError(reply.to_string())
        description = reply.get_value(kind)
        text = description.sdp.as_text()
        self._promise("set-local-description", description)
        return {"type": kind, "sdp": text}

    def offer(self, **_: object) -> object:
        return self._describe("offer")

    def answer(self, **_: object) -> object:
        return self._describe("answer")

    def set_remote(self, description: dict[str, str], **_: object) -> object:
        _, message = GstSdp.SDPMessage.new_from_text(description["sdp"])
        kind = GstWebRTC.WebRTCSDPType.OFFER if description["type"] == "offer" else GstWebRTC.WebRTCSDPType.ANSWER
        self._promise("set-remote-description", GstWebRTC.WebRTCSessionDescription.new(kind, message))
        return None

    def add_candidate(self, candidate: dict[str, object], **_: object) -> object:
        self.webrtc.emit("add-ice-candidate", candidate.get("sdpMLineIndex") or 0, candidate["candidate"])
        return None

    def candidates(self, **_: object) -> object:
        with self.lock:
            found, self.found = self.found, []
        return found

    def counters(self, **_: object) -> object:
        return dict(self.counts) | {"state": self.webrtc.get_property("connection-state").value_nick}


def payload_types(codec: str, request: dict[str, object]) -> dict[str, str]:
    """Return those of an offer, if the command brings one."""
    description = request.get("description")
    sdp = description["sdp"] if isinstance(description, dict) else ""
    found = {}
    for kind, name, default in (("video", codec, "96"), ("audio", "opus", "111")):
        match = re.search(rf"^a=rtpmap:(\d+) {name}/", sdp, re.IGNORECASE | re.MULTILINE)
        found[kind] = default if match is None else match[1]
    return found


def main() -> None:
    """Serve standard input until it ends."""
    Gst.init(None)
    codec = sys.argv[1]
    turn_server = sys.argv[2] if len(sys.argv) > 2 else None
    peer = None
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        try:
            peer = peer or Peer(codec, payload_types(codec, request), turn_server)
            arguments = {key: value for key, value in request.items() if key not in ("id", "command")}
            result = getattr(peer, request["command"])(**arguments)
            print(json.dumps({"id": request["id"], "result": result}), flush=True)
        except Exception as error:  # noqa: BLE001 - told to the test
            print(json.dumps({"id": request["id"], "error": repr(error)}), flush=True)
    if peer is not None:
        peer.pipeline.set_state(Gst.State.NULL)


main()
