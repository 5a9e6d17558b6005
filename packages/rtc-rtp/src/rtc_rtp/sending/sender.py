"""What one media section sends: its encodings, each a stream of its own."""

from rtc_rtp.context import Context
from rtc_rtp.parameters import SendEncoding, SendParameters, StreamId
from rtc_rtp.sending.stream import SendStream


class Sender:
    """The streams of one sender, by the name of their encoding."""

    __slots__ = ("_context", "id", "parameters", "streams")

    def __init__(self, context: Context, sender_id: StreamId, parameters: SendParameters) -> None:
        self._context = context
        self.id = sender_id
        self.streams: dict[str | None, SendStream] = {}
        self.update(parameters)

    def update(self, parameters: SendParameters) -> list[SendStream]:
        """Go on with what was negotiated anew; return the streams that are over."""
        self.parameters = parameters
        known = {stream.ssrc: stream for stream in self.streams.values()}
        streams: dict[str | None, SendStream] = {}
        for encoding in parameters.encodings:
            stream = known.pop(encoding.ssrc, None)
            if stream is None:
                stream = SendStream(self._context, parameters, encoding)
            else:
                stream.update(parameters, encoding)
            streams[encoding.rid] = stream
        self.streams = streams
        return list(known.values())

    def rename(self, parameters: SendParameters, stream: SendStream, encoding: SendEncoding) -> None:
        """Go on with another SSRC of one stream or of its retransmissions."""
        self.parameters = parameters
        stream.rename(parameters, encoding)

    def stream(self, rid: str | None) -> SendStream:
        """Return the stream of an encoding.

        Raises:
            ValueError: There is none of this name, or the name is missing where there are several.
        """
        found = self.streams.get(rid)
        if found is None and rid is None and len(self.streams) == 1:
            return next(iter(self.streams.values()))
        if found is None:
            raise ValueError(f"sender {self.id!r} has no encoding {rid!r}")
        return found


def check(parameters: SendParameters) -> None:
    """Look for what no negotiation can mean.

    Raises:
        ValueError: No codec or encoding, a name or an SSRC twice, or a number out of range.
    """
    if not parameters.codecs or not parameters.encodings:
        raise ValueError("a sender has at least one codec and one encoding")
    names = [encoding.rid for encoding in parameters.encodings]
    ssrcs = [ssrc for encoding in parameters.encodings for ssrc in _ssrcs(encoding)]
    # [rfc4588:3.1/2] [rfc4588:4/4] The stream of retransmissions has an SSRC of its own.
    if len(set(names)) != len(names) or len(set(ssrcs)) != len(ssrcs):
        raise ValueError("encodings have names and SSRCs of their own")
    if any(not 0 < ssrc <= 0xFFFF_FFFF for ssrc in ssrcs):
        raise ValueError("an SSRC has 32 bits and is not 0")
    if any(not 0 <= codec.payload_type <= 127 or codec.clock_rate <= 0 for codec in parameters.codecs):
        raise ValueError("a payload type is 0 to 127, a clock rate positive")


def _ssrcs(encoding: SendEncoding) -> list[int]:
    return [ssrc for ssrc in (encoding.ssrc, encoding.rtx_ssrc, encoding.fec_ssrc) if ssrc is not None]
