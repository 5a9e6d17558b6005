"""Who may use how much of the bandwidth. See :rfc:`8835#section-4.1` for the weights."""

from collections.abc import Iterable
from typing import Final

from rtc_rtp.events import BitrateShare
from rtc_rtp.parameters import SendEncoding
from rtc_rtp.sending.sender import Sender

WEIGHTS: Final = {"very-low": 0.5, "low": 1.0, "medium": 2.0, "high": 4.0}

AUDIO_BITRATE_BPS: Final = 64_000
"""What a stream of audio is given at most, unless its parameters say otherwise."""

VIDEO_BITRATE_BPS: Final = 2_500_000
"""What a picture of full size is given at most beside others of the same sender; less by the square of its scale."""

MIN_PART: Final = 0.25
"""Part of its maximum below which a larger picture is not worth to be sent beside a smaller one."""


def allocate(bitrate_bps: float, senders: Iterable[Sender]) -> list[BitrateShare]:
    """Return the share of every encoding.

    Senders of audio come first, since they need little; what is left is divided by priority, and nobody gets more than
    its maximum. The encodings of one sender are filled from the smallest picture on.

    Args:
        bitrate_bps: What all of them may use together.
        senders: Those of the session.
    """
    senders = list(senders)
    audio = [sender for sender in senders if sender.parameters.kind == "audio"]
    video = [sender for sender in senders if sender.parameters.kind == "video"]
    shares: list[BitrateShare] = []
    left = bitrate_bps
    for group in (audio, video):
        for sender, share in zip(group, _divide(left, group), strict=True):
            shares += _fill(sender, share)
        left = max(0.0, bitrate_bps - sum([share.bitrate_bps for share in shares]))
    return shares


def _divide(bitrate_bps: float, senders: list[Sender]) -> list[float]:
    """Divide by weight; what one cannot use is for the others."""
    shares = [0.0] * len(senders)
    needs = [sum([_maximum(sender, each) for each in _active(sender)]) for sender in senders]
    weights = [max([WEIGHTS[each.priority] for each in _active(sender)], default=0.0) for sender in senders]
    open_ = {index for index, need in enumerate(needs) if need > 0}
    left = bitrate_bps
    while open_ and left >= 1:
        total = sum([weights[index] for index in sorted(open_)])
        given = 0.0
        for index in sorted(open_):
            part = min(left * weights[index] / total, needs[index] - shares[index])
            shares[index] += part
            given += part
        left -= given
        satisfied = {index for index in open_ if shares[index] >= needs[index] - 1}
        if not satisfied:
            break
        open_ -= satisfied
    return shares


def _fill(sender: Sender, bitrate_bps: float) -> list[BitrateShare]:
    left = bitrate_bps
    given: dict[str | None, float] = {encoding.rid: 0.0 for encoding in sender.parameters.encodings}
    ordered = sorted(_active(sender), key=lambda encoding: -encoding.scale_resolution_down_by)
    for index, encoding in enumerate(ordered):
        maximum = _maximum(sender, encoding)
        if index and left < MIN_PART * min(maximum, VIDEO_BITRATE_BPS):
            break
        given[encoding.rid] = min(left, maximum)
        left -= given[encoding.rid]
    return [BitrateShare(sender.id, rid, int(share)) for rid, share in given.items()]


def _active(sender: Sender) -> list[SendEncoding]:
    return [encoding for encoding in sender.parameters.encodings if sender.streams[encoding.rid].may_send]


def _maximum(sender: Sender, encoding: SendEncoding) -> float:
    stream = sender.streams[encoding.rid]
    bounds = [bound for bound in (stream.bounds.bitrate_bps, stream.breaker.limit_bps) if bound is not None]
    return min([_wished_maximum(sender, encoding), *bounds])


def _wished_maximum(sender: Sender, encoding: SendEncoding) -> float:
    if encoding.max_bitrate_bps is not None:
        return float(encoding.max_bitrate_bps)
    if sender.parameters.kind == "audio":
        return AUDIO_BITRATE_BPS
    if len(sender.parameters.encodings) == 1:
        return float("inf")
    return VIDEO_BITRATE_BPS / encoding.scale_resolution_down_by**2
