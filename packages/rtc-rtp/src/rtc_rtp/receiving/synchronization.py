"""Streams that are played in step, such as the sound and the picture of a speaker. See :rfc:`3550#section-6.4.1`."""

from collections.abc import Iterable

from rtc_rtp.receiving.stream import ReceiveStream


def synchronize(streams: Iterable[ReceiveStream]) -> None:
    """Let every stream of a group wait for the slowest one of the same sender.

    A stream's reports tie its media time to the sender's wall clock, its arrivals tie media time to ours. What lies
    between is how long after its capture it can be played at the earliest; all of a group shall take the longest.

    Args:
        streams: Those to be played in step.
    """
    by_name: dict[str | None, list[tuple[ReceiveStream, float]]] = {}
    for stream in streams:
        if (origin := _origin(stream)) is not None:
            # [rfc8834:4.1/6] [rfc8834:11/2]
            by_name.setdefault(stream.stats.cname, []).append((stream, origin))
    for group in by_name.values():
        latest = max(origin + _natural_delay(stream) for stream, origin in group)
        for stream, origin in group:
            if stream.buffer is not None:
                playout = stream.buffer.playout
                playout.floor = max(0.0, latest - origin) if len(group) > 1 else 0.0


def _origin(stream: ReceiveStream) -> float | None:
    """Return when media captured at second 0 by the sender's clock come by ours, at the earliest."""
    if stream.buffer is None:
        return None
    playout = stream.buffer.playout
    captured_at = stream.clock.capture_time(playout.timestamp, stream.codec.clock_rate)
    if captured_at is None or playout.media_time is None:
        return None
    return playout.media_time + playout.base - captured_at


def _natural_delay(stream: ReceiveStream) -> float:
    """Return how long media of a stream wait, or take to be whole, without regard to others."""
    if stream.buffer is None:
        return 0.0
    playout = stream.buffer.playout
    return min(playout.maximum, max(playout.minimum, playout.measured))
