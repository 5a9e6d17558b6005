"""Telephone tones in a stream of audio. See :rfc:`4733#section-2.5.1`."""

from rtc_rtp.context import Context
from rtc_rtp.errors import StateError
from rtc_rtp.events import ToneSent
from rtc_rtp.packet import RtpPacket
from rtc_rtp.parameters import SendParameters, StreamId
from rtc_rtp.sending.outgoing import Outgoing
from rtc_rtp.sending.stream import SendStream
from rtc_rtp.tone_sender import ToneSender


class Dialling:
    """The tones of one sender, in the numbering of its stream."""

    __slots__ = ("_context", "_payload_type", "_sender_id", "_stream", "_tones")

    def __init__(self, context: Context, sender_id: StreamId, parameters: SendParameters, stream: SendStream) -> None:
        """Begin with nothing to dial.

        Raises:
            StateError: No payload type of telephone events was negotiated.
        """
        types = parameters.telephone_event_payload_types
        if not types:
            raise StateError("no telephone events were negotiated")
        # The clock of the codec; but Firefox has none for tones but 8000, whatever the codec.
        clock_rate = stream.codec.clock_rate if stream.codec.clock_rate in types else min(types)
        payload_type = types[clock_rate]
        self._context = context
        self._sender_id = sender_id
        self._payload_type = payload_type
        self._stream = stream
        self._tones = ToneSender(
            now=context.now,
            clock_rate=clock_rate,
            stream_clock_rate=stream.codec.clock_rate,
            timestamp=stream.rtp_timestamp(context.now),
        )

    @property
    def is_sounding(self) -> bool:
        """Whether a tone is being sent, to which sound gives way."""
        return self._tones.sending

    @property
    def tones_left(self) -> str:
        """The tones that have not begun."""
        return self._tones.tones_left

    def dial(self, tones: str, duration: float, gap: float) -> None:
        """Send tones instead of those that wait.

        Raises:
            ValueError: One of them is none.
        """
        if (mapping := self._stream.mapping) is not None:
            self._tones.synchronize(*mapping)
        self._tones.send_tones(tones, self._context.now, duration=duration, gap=gap)

    def progress(self) -> Outgoing:
        """Return the packets that are due, and tell which tones began."""
        context, stream = self._context, self._stream
        packets: list[RtpPacket] = []
        for tone in self._tones.packets_to_send(context.now):
            if not stream.may_send:
                # Time goes on, the tone is not heard.
                continue
            elements: dict[int, bytes] = {}
            if not stream.is_acknowledged:
                stream.extensions.identify(elements)
            packet = RtpPacket(
                self._payload_type,
                stream.take_number(),
                tone.timestamp,
                stream.ssrc,
                tone.payload,
                marker=tone.marker,
                extensions=elements,
            )
            packets.append(packet)
        context.events += [ToneSent(self._sender_id, event.tone) for event in self._tones.events()]
        return Outgoing(stream, packets, context.now, stream.priority)

    def deadline(self) -> float:
        """When there is more to do."""
        timeout = self._tones.next_timeout()
        return float("inf") if timeout is None else timeout
