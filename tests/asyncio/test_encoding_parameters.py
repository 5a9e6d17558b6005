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

VP8 = RTCRtpCodec(mimeType="video/VP8", clockRate=90_000)
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
        initial_encodings(encodings, "video", [VP8])


def test_encodings_go_from_small_to_large() -> None:
    made = initial_encodings([{"rid": rid} for rid in "qhf"], "video", [VP8])

    assert [(each.rid, each.scaleResolutionDownBy) for each in made] == [("q", 4.0), ("h", 2.0), ("f", 1.0)]


def test_a_scale_that_is_given_leaves_the_others_alone() -> None:
    made = initial_encodings([{"rid": "a"}, {"rid": "b", "scaleResolutionDownBy": 3.0}], "video", [VP8])

    assert [each.scaleResolutionDownBy for each in made] == [1.0, 3.0]


def test_a_single_encoding_has_no_name() -> None:
    assert initial_encodings([{"rid": "a", "maxBitrate": 5}], "video", [VP8])[0].rid is None
    assert initial_encodings([], "video", [VP8]) == [RTCRtpEncodingParameters(scaleResolutionDownBy=1.0)]


def test_sound_has_one_encoding_without_a_size() -> None:
    given = [{"rid": rid, "scaleResolutionDownBy": 0.1, "maxFramerate": 7.0} for rid in "ab"]

    assert initial_encodings(given, "audio", []) == [RTCRtpEncodingParameters()]


def test_a_codec_is_matched_by_its_parameters() -> None:
    made = initial_encodings([RTCRtpEncodingParameters(codec=replace(H264))], "video", [VP8, H264])

    assert made[0].codec == H264
    with pytest.raises(OperationError):
        initial_encodings([RTCRtpEncodingParameters(codec=replace(H264, sdpFmtpLine=None))], "video", [VP8, H264])


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
        changed_encodings(replace(LAST, **change), LAST, "video", LAST.codecs)


def test_changes_that_are_taken() -> None:
    wanted = [{"rid": "q", "active": False}, {"rid": "f", "maxBitrate": 9, "codec": VP8, "maxFramerate": 0}]
    changed = changed_encodings(replace(LAST, encodings=wanted), LAST, "video", LAST.codecs)  # type: ignore[arg-type]  # dicts do

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
        )
