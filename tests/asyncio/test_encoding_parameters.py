"""What `addTransceiver` and `setParameters` accept."""

from dataclasses import replace
from typing import Any

import pytest

from rtc_asyncio import (
    InvalidModificationError,
    OperationError,
    RTCRtpCodec,
    RTCRtpCodecParameters,
    RTCRtpEncodingParameters,
    RTCRtpSendParameters,
)
from rtc_asyncio.encoding_parameters import changed_encodings, initial_encodings
from rtc_asyncio.scalability import Scalability

from .fake_codec import FakeCodecs

VP8 = RTCRtpCodec(mimeType="video/VP8", clockRate=90_000)
ANY = Scalability(None)
"""Of a connection without codecs."""
FEW = Scalability(FakeCodecs())
"""L1T1 and L1T2 of VP8."""
H264 = RTCRtpCodec(mimeType="video/H264", clockRate=90_000, sdpFmtpLine="profile-level-id=42e01f;packetization-mode=1")


@pytest.mark.parametrize(
    ("encodings", "error"),
    [
        ([{"rid": ""}], TypeError),
        ([{"rid": "a b"}], TypeError),
        ([{"rid": "a" * 256}], TypeError),
        ([{"rid": "a"}, {"rid": "a"}], TypeError),
        ([{"rid": "a"}, {}], TypeError),
        ([{}, {}], TypeError),
        ([{"codec": {"mimeType": "video/VP7", "clockRate": 90_000}}], OperationError),
        ([{"scaleResolutionDownBy": 0.5}], ValueError),
        ([{"scaleResolutionDownBy": float("nan")}], ValueError),
        ([{"maxFramerate": -1.0}], ValueError),
        ([{"maxFramerate": 0.0}], ValueError),
        ([{"maxBitrate": 1 << 32}], TypeError),
        ([{"priority": "urgent"}], TypeError),
        ([{"rid": "a", "scaleResolutionDownTo": {"maxWidth": 1, "maxHeight": 1}}, {"rid": "b"}], OperationError),
        ([{"scaleResolutionDownTo": {"maxWidth": 0, "maxHeight": 1}}], OperationError),
    ],
)
def test_encodings_that_are_refused(encodings: list[dict[str, object]], error: type[Exception]) -> None:
    with pytest.raises(error):
        initial_encodings(encodings, "video", [VP8], ANY)


def test_encodings_go_from_small_to_large() -> None:
    made = initial_encodings([{"rid": rid} for rid in "qhf"], "video", [VP8], ANY)

    assert [(each.rid, each.scaleResolutionDownBy) for each in made] == [("q", 4.0), ("h", 2.0), ("f", 1.0)]


def test_a_scale_that_is_given_leaves_the_others_alone() -> None:
    made = initial_encodings([{"rid": "a"}, {"rid": "b", "scaleResolutionDownBy": 3.0}], "video", [VP8], ANY)

    assert [each.scaleResolutionDownBy for each in made] == [1.0, 3.0]


def test_a_single_encoding_has_no_name() -> None:
    assert initial_encodings([{"rid": "a", "maxBitrate": 5}], "video", [VP8], ANY)[0].rid is None
    assert initial_encodings([], "video", [VP8], ANY) == [RTCRtpEncodingParameters(scaleResolutionDownBy=1.0)]


def test_sound_has_one_encoding_without_a_size() -> None:
    given = [{"rid": rid, "scaleResolutionDownBy": 0.1, "maxFramerate": 7.0} for rid in "ab"]

    assert initial_encodings(given, "audio", [], ANY) == [RTCRtpEncodingParameters()]


def test_a_codec_is_matched_by_its_parameters() -> None:
    made = initial_encodings([RTCRtpEncodingParameters(codec=replace(H264))], "video", [VP8, H264], ANY)

    assert made[0].codec == H264
    with pytest.raises(OperationError):
        initial_encodings([RTCRtpEncodingParameters(codec=replace(H264, sdpFmtpLine=None))], "video", [VP8, H264], ANY)


LAST = RTCRtpSendParameters(
    transactionId="t",
    encodings=[RTCRtpEncodingParameters(rid="q"), RTCRtpEncodingParameters(rid="f")],
    codecs=[RTCRtpCodecParameters(mimeType="video/VP8", clockRate=90_000, payloadType=96)],
)


@pytest.mark.parametrize(
    "change",
    [
        {"encodings": LAST.encodings[:1]},
        {"encodings": LAST.encodings[::-1]},
        {"encodings": [replace(LAST.encodings[0], rid="x"), LAST.encodings[1]]},
        {"transactionId": "u"},
        {"codecs": []},
        {"encodings": [replace(LAST.encodings[0], codec=H264), LAST.encodings[1]]},
        {"encodings": [replace(LAST.encodings[0], ptime=20, adaptivePtime=True), LAST.encodings[1]]},
    ],
)
def test_changes_that_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(InvalidModificationError):
        changed_encodings(replace(LAST, **change), LAST, "video", LAST.codecs, ANY)


def test_changes_that_are_taken() -> None:
    wanted = [{"rid": "q", "active": False}, {"rid": "f", "maxBitrate": 9, "codec": VP8, "maxFramerate": 0}]
    changed = changed_encodings(replace(LAST, encodings=wanted), LAST, "video", LAST.codecs, ANY)  # type: ignore[arg-type]  # dicts do

    assert [each.active for each in changed] == [False, True]
    assert [each.scaleResolutionDownBy for each in changed] == [1.0, 1.0]
    assert changed[1].codec == VP8


def test_a_number_out_of_range_is_no_modification() -> None:
    with pytest.raises(ValueError, match="scaleResolutionDownBy"):
        changed_encodings(
            replace(LAST, encodings=[replace(LAST.encodings[0], scaleResolutionDownBy=0.0), LAST.encodings[1]]),
            LAST,
            "video",
            LAST.codecs,
            ANY,
        )


@pytest.mark.parametrize("mode", ["L1T1", "L1T3", "L3T3_KEY", "L2T2_KEY_SHIFT", "L3T1_KEY", "S2T3h", "L2T1h"])
def test_who_encodes_for_himself_may_use_any_mode(mode: str) -> None:
    assert ANY.is_known(mode, "video/VP9")
    assert not ANY.is_known(mode, "audio/opus")


@pytest.mark.parametrize(
    "mode", ["", "l1t1", "L4T1", "L1T4", "L1T1h", "L1T2_KEY", "L2T1_KEY", "S1T1", "S2T2_KEY", "L1T2 "]
)
def test_there_are_no_other_modes(mode: str) -> None:
    assert not ANY.is_known(mode, "video/VP9")


def test_a_mode_that_no_codec_has_is_refused() -> None:
    made = initial_encodings([{"scalabilityMode": "L1T2"}], "video", [H264, VP8], FEW)
    assert made[0].scalabilityMode == "L1T2"

    for encoding in ({"scalabilityMode": "L1T3"}, {"scalabilityMode": "L1T2", "codec": H264}):
        with pytest.raises(OperationError):
            initial_encodings([encoding], "video", [H264, VP8], FEW)
    with pytest.raises(OperationError):
        initial_encodings([{"scalabilityMode": "L1T1"}], "audio", [], ANY)


def test_simulcast_in_one_stream_is_the_only_one() -> None:
    encodings = [{"rid": "a", "scalabilityMode": "S2T1"}, {"rid": "b"}]
    with pytest.raises(OperationError):
        initial_encodings(encodings, "video", [VP8], ANY)

    assert len(initial_encodings([encodings[0], {"rid": "b", "active": False}], "video", [VP8], ANY)) == 2


def test_a_mode_is_changed_to_one_that_the_codec_in_use_has() -> None:
    def changed(mode: str | None, *, before: str | None = None) -> str | None:
        given = [replace(LAST.encodings[0], scalabilityMode=mode), LAST.encodings[1]]
        last = replace(LAST, encodings=[replace(LAST.encodings[0], scalabilityMode=before), LAST.encodings[1]])
        return changed_encodings(replace(last, encodings=given), last, "video", [VP8, H264], FEW)[0].scalabilityMode

    assert changed("L1T2") == "L1T2"
    assert changed("L1T3", before="L1T3") == "L1T3", "what was asked for before the negotiation may stay"
    for mode in ("L1T3", "S2T1"):
        with pytest.raises(InvalidModificationError):
            changed(mode)
