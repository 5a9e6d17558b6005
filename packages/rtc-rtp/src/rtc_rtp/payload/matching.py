"""Whether two sides that name the same codec mean the same, by its format parameters (a=fmtp), and what both then use.

Most parameters say what a receiver likes; only those that name another bitstream or another way to cut it keep two sides apart.
See :rfc:`8829#section-5.3.1` and the section on offer and answer of each payload format.
"""

from collections.abc import Callable, Mapping
from typing import Final

from rtc_rtp.payload.h264_profile import H264ProfileLevel, lower_level

Parameters = Mapping[str, str]
"""Format parameters by their names in lower case."""


def parameters_match(mime_type: str, ours: Parameters, theirs: Parameters) -> bool:
    """Tell whether the two sides' parameters of a codec describe the same format, so that each can decode what the other sends.

    Args:
        mime_type: Media type as in SDP, such as "video/H264"; case does not matter.
        ours: Parameters of our codec, names in lower case.
        theirs: Parameters of the codec of the same media type in the other side's description.

    Returns:
        False also for parameters of theirs that make no sense.
    """
    # [rfc7741:6.2/1] [rfc7741:6.1/2] [rfc7587:7.1/10] What is not known, or only a limit of the receiver, keeps nobody apart.
    match = _MATCHES.get(mime_type.lower())
    if match is None:
        return True
    try:
        return match(ours, theirs)
    except ValueError:
        return False


def answer_parameters(mime_type: str, ours: Parameters, theirs: Parameters) -> dict[str, str]:
    """Return the parameters to answer with, for a codec that matches: ours, but what must be the same for both.

    Args:
        mime_type: Media type as in SDP.
        ours: Parameters of our codec.
        theirs: Parameters that were offered.
    """
    answer = _ANSWERS.get(mime_type.lower())
    return dict(ours) if answer is None else answer(ours, theirs)


def _same(**defaults: str) -> Callable[[Parameters, Parameters], bool]:
    """Return a comparison of the numbers that these parameters have, with their defaults; "_" in a name stands for "-"."""
    names = {name.replace("_", "-"): default for name, default in defaults.items()}

    def match(ours: Parameters, theirs: Parameters) -> bool:
        return all(int(ours.get(name, default)) == int(theirs.get(name, default)) for name, default in names.items())

    return match


_same_packetization_mode: Final = _same(packetization_mode="0")


def _h264_matches(ours: Parameters, theirs: Parameters) -> bool:
    # [rfc6184:8.2.2/1] [rfc6184:8.2.2/2] Mode and profile are the same for both directions; levels may differ.
    return (
        _same_packetization_mode(ours, theirs)
        and H264ProfileLevel.of(ours).profile is H264ProfileLevel.of(theirs).profile
    )


def _h264_answer(ours: Parameters, theirs: Parameters) -> dict[str, str]:
    our_level, their_level = H264ProfileLevel.of(ours), H264ProfileLevel.of(theirs)
    asymmetric = ours.get("level-asymmetry-allowed") == theirs.get("level-asymmetry-allowed") == "1"
    # [rfc6184:8.1/10] [rfc6184:8.2.2/3] The answer's level is ours if both sides allow two, else no higher than what was offered.
    level = our_level.level if asymmetric else lower_level(our_level.level, their_level.level)
    return {**ours, "profile-level-id": str(their_level.with_level(level))}


_same_h265_format: Final = _same(profile_space="0", profile_id="1", tier_flag="0")
_H265_LEVEL: Final = "93"


def _h265_matches(ours: Parameters, theirs: Parameters) -> bool:
    # Packets out of decoding order are not for conversations; a level that is no number is no level.
    if int(theirs.get("sprop-max-don-diff", "0")) or int(theirs.get("level-id", _H265_LEVEL)) < 0:
        return False
    # [rfc7798:7.2.2/1] [rfc7798:7.2.2/3] [rfc7798:7.1/1] [rfc7798:7.1/2] [rfc7798:7.1/3] The profile is the same for both, and all is in one stream unless they say so.
    modes = {each.get("tx-mode", "SRST").upper() for each in (ours, theirs)}
    return _same_h265_format(ours, theirs) and len(modes) == 1


def _h265_answer(ours: Parameters, theirs: Parameters) -> dict[str, str]:
    # [rfc7798:7.2.2/2] The level that both share.
    level = min(int(each.get("level-id", _H265_LEVEL)) for each in (ours, theirs))
    return {**ours, "level-id": str(level)}


_MATCHES: Final[dict[str, Callable[[Parameters, Parameters], bool]]] = {
    "video/av1": _same(profile="0", tier="0"),
    "video/h264": _h264_matches,
    "video/h265": _h265_matches,
    "video/vp9": _same(profile_id="0"),
}
_ANSWERS: Final[dict[str, Callable[[Parameters, Parameters], dict[str, str]]]] = {
    "video/h264": _h264_answer,
    "video/h265": _h265_answer,
}
