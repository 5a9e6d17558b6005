"""Telling the peer what to skip. See :rfc:`3758#section-3.5` and :rfc:`8260#section-2.3.1`."""

from typing import Final

from .chunks import ForwardTsnChunk, IForwardTsnChunk
from .outgoing import OutgoingMessage
from .retransmission_queue import ABANDONED, OutstandingChunk, RetransmissionQueue
from .serial import MASK_16, MASK_32

_HEADER_LENGTH: Final = 8
"""Chunk header and new cumulative TSN."""


def is_to_abandon(chunk: OutstandingChunk, now: float) -> bool:
    """Whether a lost chunk is given up instead of sent again."""
    message = chunk.message
    # [rfc3758:4.1/6] [rfc3758:4.1/7] [rfc3758:3.5/1]
    if message.expires_at < now:
        return True
    # [rfc7496:3/1] [rfc7496:3.1/1]
    return message.max_retransmits is not None and chunk.transmissions > message.max_retransmits


def forward_tsn(queue: RetransmissionQueue, *, interleaved: bool, max_length: int) -> bytes:
    """The chunk that moves the peer's cumulative TSN to the advanced point, or as far as ``max_length`` bytes allow."""
    # [rfc8260:2.3.1/1] [rfc8260:2.3.1/4] [rfc8260:2.3.1/5] [rfc8260:2.3.1/6] [rfc8260:2.3.1/7]
    if interleaved:
        return _interleaved(queue, (max_length - _HEADER_LENGTH) // 8)
    return _plain(queue, (max_length - _HEADER_LENGTH) // 4)


def _abandoned(queue: RetransmissionQueue) -> list[OutgoingMessage]:
    messages = []
    for chunk in queue.chunks:
        if chunk.state != ABANDONED:
            break
        messages.append(chunk.message)
    return messages


def _plain(queue: RetransmissionQueue, capacity: int) -> bytes:
    streams: dict[int, int] = {}
    count = 0
    for message in _abandoned(queue):
        # [rfc3758:3.2/3] [rfc3758:3.2/4] [rfc3758:3.5/10] [rfc3758:3.5/11] [rfc3758:3.5/12]
        if not message.unordered:
            stream_id = message.stream.stream_id
            # [rfc3758:3.5/13]
            if stream_id not in streams and len(streams) >= capacity:
                break
            streams[stream_id] = message.number & MASK_16
        count += 1
    return ForwardTsnChunk((queue.cumulative_tsn + count) & MASK_32, tuple(streams.items())).serialize()


def _interleaved(queue: RetransmissionQueue, capacity: int) -> bytes:
    streams: dict[tuple[int, bool], int] = {}
    count = 0
    for message in _abandoned(queue):
        key = (message.stream.stream_id, message.unordered)
        if key not in streams and len(streams) >= capacity:
            break
        streams[key] = message.number
        count += 1
    listed = tuple((stream_id, unordered, number) for (stream_id, unordered), number in streams.items())
    return IForwardTsnChunk((queue.cumulative_tsn + count) & MASK_32, listed).serialize()
