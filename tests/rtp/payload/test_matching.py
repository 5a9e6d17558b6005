"""Whether two sides mean the same codec, and what they then use."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtc_rtp import H264Profile, H264ProfileLevel, answer_parameters, parameters_match
from rtc_rtp.payload.h264_profile import LEVEL_1B

BASELINE = {"level-asymmetry-allowed": "1", "packetization-mode": "1", "profile-level-id": "42e01f"}


@pytest.mark.parametrize(
    ("text", "profile", "level"),
    [
        ("42e01f", H264Profile.CONSTRAINED_BASELINE, 31),
        ("42c02a", H264Profile.CONSTRAINED_BASELINE, 42),
        ("4de01f", H264Profile.CONSTRAINED_BASELINE, 31),
        ("58e01f", H264Profile.CONSTRAINED_BASELINE, 31),
        ("42001f", H264Profile.BASELINE, 31),
        ("42a01f", H264Profile.BASELINE, 31),
        ("58a01f", H264Profile.BASELINE, 31),
        ("4d001f", H264Profile.MAIN, 31),
        ("4d401f", H264Profile.MAIN, 31),
        ("58001f", H264Profile.EXTENDED, 31),
        ("64001f", H264Profile.HIGH, 31),
        ("640c34", H264Profile.CONSTRAINED_HIGH, 52),
        ("64081f", H264Profile.PROGRESSIVE_HIGH, 31),
        ("f4001f", H264Profile.HIGH_444_PREDICTIVE, 31),
        ("6e101f", H264Profile.HIGH_10_INTRA, 31),
        ("42f00b", H264Profile.CONSTRAINED_BASELINE, LEVEL_1B),
        ("42e00b", H264Profile.CONSTRAINED_BASELINE, 11),
        ("640009", H264Profile.HIGH, LEVEL_1B),
    ],
)
def test_profile_and_level(text: str, profile: H264Profile, level: int) -> None:
    parsed = H264ProfileLevel.parse(text)

    assert (parsed.profile, parsed.level) == (profile, level)
    assert str(parsed) == text


@pytest.mark.parametrize("text", ["", "42e01", "42e01f0", "42e0zz", "00e01f", "58401f", "6401ff1"])
def test_what_is_no_profile_and_level(text: str) -> None:
    with pytest.raises(ValueError, match=r"profile-level-id|hexadecimal"):
        H264ProfileLevel.parse(text)


@pytest.mark.spec("rfc6184:8.1/1")
def test_without_a_profile_baseline_of_level_1_is_meant() -> None:
    assert H264ProfileLevel.of({}) == H264ProfileLevel.parse("42000a")
    assert parameters_match("video/H264", {}, {"profile-level-id": "42000a"})
    assert not parameters_match("video/H264", {}, {"profile-level-id": "42e01f"})


@pytest.mark.spec("rfc6184:8.2.2/1", "rfc6184:8.2.2/2")
@pytest.mark.parametrize(
    ("theirs", "same"),
    [
        ({}, True),
        ({"profile-level-id": "42e034"}, True),
        ({"profile-level-id": "4de01f"}, True),
        ({"profile-level-id": "42001f"}, False),
        ({"profile-level-id": "640c1f"}, False),
        ({"profile-level-id": "nonsense"}, False),
        ({"packetization-mode": "0"}, False),
        ({"packetization-mode": "x"}, False),
        ({"x-google-start-bitrate": "1000"}, True),
    ],
)
def test_h264(theirs: dict[str, str], same: bool) -> None:
    assert parameters_match("video/H264", BASELINE, BASELINE | theirs) is same
    assert parameters_match("video/h264", BASELINE | theirs, BASELINE) is same


@pytest.mark.spec("rfc6184:8.1/10", "rfc6184:8.2.2/3")
@pytest.mark.parametrize(
    ("our_level", "their_level", "asymmetric", "answer"),
    [
        ("1f", "2a", "1", "42e01f"),
        ("2a", "1f", "1", "42e02a"),
        ("2a", "1f", "0", "42e01f"),
        ("1f", "2a", "0", "42e01f"),
        ("0a", "0b", "0", "42e00a"),
    ],
)
def test_levels_of_an_answer(our_level: str, their_level: str, asymmetric: str, answer: str) -> None:
    ours = BASELINE | {"profile-level-id": f"42e0{our_level}"}
    theirs = BASELINE | {"profile-level-id": f"42e0{their_level}", "level-asymmetry-allowed": asymmetric}

    assert answer_parameters("video/H264", ours, theirs)["profile-level-id"] == answer
    assert answer_parameters("video/H264", ours, theirs)["packetization-mode"] == "1"


@pytest.mark.spec("rfc6184:8.2.2/3")
def test_level_1b_is_between_1_and_1_1() -> None:
    def answer(one: str, other: str) -> str:
        return answer_parameters("video/H264", {"profile-level-id": one}, {"profile-level-id": other})[
            "profile-level-id"
        ]

    assert answer("42e00b", "42f00b") == "42f00b"
    assert answer("42f00b", "42e00a") == "42e00a"
    assert answer("640009", "64000b") == "640009"


@pytest.mark.spec("rfc7798:7.2.2/1", "rfc7798:7.2.2/3", "rfc7798:7.1/1", "rfc7798:7.1/2", "rfc7798:7.1/3")
@pytest.mark.parametrize(
    ("ours", "theirs", "same"),
    [
        ({}, {}, True),
        ({"profile-id": "1", "tier-flag": "0", "level-id": "93"}, {"level-id": "120", "tx-mode": "SRST"}, True),
        ({"profile-id": "1"}, {"profile-id": "2"}, False),
        ({"tier-flag": "0"}, {"tier-flag": "1"}, False),
        ({"tx-mode": "SRST"}, {"tx-mode": "MRST"}, False),
        ({}, {"profile-id": ""}, False),
        ({}, {"profile-id": "33"}, False),
        ({}, {"level-id": "high"}, False),
        ({}, {"sprop-max-don-diff": "2"}, False),
        ({}, {"profile-space": "0", "profile-id": "1", "tier-flag": "0", "unknown": "1"}, True),
    ],
)
def test_h265(ours: dict[str, str], theirs: dict[str, str], same: bool) -> None:
    assert parameters_match("video/H265", ours, theirs) is same


@pytest.mark.spec("rfc7798:7.2.2/2")
def test_the_level_of_h265_is_the_lower() -> None:
    assert answer_parameters("video/H265", {"level-id": "120"}, {})["level-id"] == "93"
    assert answer_parameters("video/H265", {"level-id": "63"}, {"level-id": "93"})["level-id"] == "63"


@pytest.mark.parametrize(
    ("mime_type", "ours", "theirs", "same"),
    [
        ("video/VP9", {}, {"profile-id": "0"}, True),
        ("video/VP9", {"profile-id": "0"}, {"profile-id": "2"}, False),
        ("video/AV1", {}, {"profile": "0", "level-idx": "5", "tier": "0"}, True),
        ("video/AV1", {"profile": "0"}, {"profile": "1"}, False),
        ("video/AV1", {"tier": "1"}, {}, False),
    ],
)
def test_other_codecs_with_profiles(mime_type: str, ours: dict[str, str], theirs: dict[str, str], same: bool) -> None:
    assert parameters_match(mime_type, ours, theirs) is same


@pytest.mark.spec("rfc7741:6.1/2", "rfc7741:6.2/1", "rfc7587:7.1/10")
def test_limits_and_unknown_parameters_keep_nobody_apart() -> None:
    assert parameters_match("video/VP8", {}, {"max-fs": "12288", "max-fr": "60", "unknown": "x"})
    assert parameters_match("audio/opus", {"minptime": "10"}, {"stereo": "1", "unknown": "x"})
    assert answer_parameters("audio/opus", {"minptime": "10"}, {"unknown": "x"}) == {"minptime": "10"}


@given(
    st.sampled_from(["video/H264", "video/H265", "video/VP9", "video/AV1", "video/VP8"]),
    st.dictionaries(
        st.sampled_from(["profile-level-id", "packetization-mode", "profile-id", "profile", "tier", "tier-flag"]),
        st.text(max_size=8),
    ),
)
def test_parameters_of_the_network_never_raise(mime_type: str, theirs: dict[str, str]) -> None:
    parameters_match(mime_type, {}, theirs)
