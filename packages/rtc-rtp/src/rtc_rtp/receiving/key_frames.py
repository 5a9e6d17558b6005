"""Asking for key frames: how often, by which message, and what counts as the answer.

See :rfc:`4585#section-6.3.1` and :rfc:`5104#section-4.3.1`.
"""

from typing import Final

from rtc_rtp.context import Context
from rtc_rtp.parameters import RtpCodec
from rtc_rtp.rtcp import FullIntraRequest, IntraRequest, PictureLossIndication, RtcpPacket
from rtc_rtp.stats import InboundStats

MIN_INTERVAL: Final = 0.25
"""Seconds between two requests; longer if the round trip is."""

MAX_REQUESTS: Final = 5
"""For one wish of the application. A sender takes a request that comes soon after a key frame for one that was made before it."""

ANSWER_TIME: Final = 1.0
"""Seconds after a request within which a key frame is taken for the answer."""

_NEVER: Final = float("inf")


class KeyFrameDemand:
    """What is asked of the sender of one stream."""

    __slots__ = ("_answered_count", "_asked_at", "_context", "_sequence_number", "_stats", "requests_left")

    def __init__(self, context: Context, stats: InboundStats) -> None:
        self._context = context
        self._stats = stats
        self.requests_left = 0
        """How often a key frame is to be asked for, whether or not one is needed."""

        self._asked_at = float("-inf")
        self._sequence_number = 0
        self._answered_count = -1
        """How many key frames had come when the sequence number of FIR was counted up."""

    def want(self, *, is_command: bool) -> None:
        """Ask with the next feedback, and again until a key frame comes.

        Args:
            is_command: Whether key frames are seen by the application alone: each wish is a new command, and is told once.
        """
        self.requests_left = MAX_REQUESTS
        if is_command:
            self.requests_left = 1
            self._answered_count = -1

    def answered(self) -> None:
        """A key frame has come."""
        self.requests_left = 0

    def is_answer(self, now: float) -> bool:
        """Whether a key frame that comes now is the answer to a request."""
        return now < self._asked_at + ANSWER_TIME

    def deadline(self, codec: RtpCodec) -> float:
        """When to ask, if a key frame is needed or wished for; never if there is no way to.

        Args:
            codec: In use; its feedback says what the sender understands.
        """
        # [rfc4585:4.2/8] [rfc4585:4.2/9] [rfc4585:4.2/12] [rfc4585:6.3.1.1/2]
        if codec.feedback.isdisjoint({"nack pli", "ccm fir"}):
            return _NEVER
        # [rfc5104:4.3.1.3/1]
        return self._asked_at + max(MIN_INTERVAL, 1.5 * self._context.round_trip_time.assumed)

    def request(self, reporter_ssrc: int, codec: RtpCodec) -> RtcpPacket:
        """Return the message that asks, now."""
        stats = self._stats
        self.requests_left = max(self.requests_left - 1, 0)
        self._asked_at = self._context.now
        self._context.record("key_frame_asked_for", ssrc=stats.ssrc)
        # [rfc5104:4.3.1.2/5]
        if "nack pli" in codec.feedback:
            stats.pli_count += 1
            return PictureLossIndication(reporter_ssrc, stats.ssrc)
        stats.fir_count += 1
        # [rfc5104:4.3.1.1/2] [rfc5104:4.3.1.1/3] Until a key frame answers, it is the same command.
        if self._answered_count != stats.key_frames_received:
            self._answered_count = stats.key_frames_received
            self._sequence_number = self._sequence_number + 1 & 0xFF
        return FullIntraRequest(reporter_ssrc, 0, [IntraRequest(stats.ssrc, self._sequence_number)])
