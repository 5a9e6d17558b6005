"""Recovering lost packets of a stream from its parity (:rfc:`5109#section-8.2`)."""

from collections import Counter, OrderedDict, deque
from collections.abc import Mapping
from typing import Final

from rtc_rtp.dataclass import dataclass
from rtc_rtp.errors import ParseError
from rtc_rtp.fec.mutable import zeroed
from rtc_rtp.fec.parity import RTP_HEADER_LENGTH, Parity
from rtc_rtp.fec.scheme import FecScheme

MAX_KEPT_PACKETS: Final = 256
"""Packets that are remembered to recover others with."""
MAX_KEPT_PARITIES: Final = 64
"""Parities that wait for all but one of their packets."""
MAX_REACH: Final = 1024
"""Parity whose packets are so many numbers behind is of no use any more."""
_HALF: Final = 0x8000


@dataclass(slots=True)
class _Waiting:
    """Parity from which the packets that are there were taken out."""

    missing: set[int]
    parity: Parity
    base: int


class FecReceiver:
    """Remembers the last packets of a stream and its parity, and recovers what is missing as soon as it can.

    Give it every packet of the protected stream (retransmitted ones too) and every FEC packet. What it recovers is fed back
    by itself, since one recovered packet may make another possible.
    """

    def __init__(self, scheme: FecScheme, *, ssrc: int, mutable: Mapping[int, int] | None = None) -> None:
        """Begin with nothing known.

        Args:
            scheme: `ULPFEC` or `FLEXFEC`.
            ssrc: Of the protected stream.
            mutable: What `mutable_extensions` returned for the stream.
        """
        self._scheme = scheme
        self._ssrc = ssrc
        self._mutable = dict(mutable or {})
        self._packets: OrderedDict[int, Parity] = OrderedDict()
        self._waiting: deque[_Waiting] = deque()
        self.recovered_count = 0
        """Packets recovered up to now."""
        self.dropped: Counter[str] = Counter()
        """FEC packets that were of no use, by reason."""

    def add_packet(self, packet: bytes) -> list[bytes]:
        """Take a packet of the protected stream and return those that it allows to recover.

        Args:
            packet: An RTP packet in its wire form, decrypted and without RED, that can be parsed.
        """
        number = packet[2] << 8 | packet[3]
        if number in self._packets or len(packet) < RTP_HEADER_LENGTH:
            return []
        self._forget_old(number)
        return self._recover_with([(number, Parity.of(zeroed(packet, self._mutable)))])

    def add_parity(self, payload: bytes) -> list[bytes]:
        """Take the payload of a FEC packet and return the packets that it recovers; never raises for what is in it.

        Args:
            payload: For `ULPFEC` what RED holds, for `FLEXFEC` that of a packet of the FEC stream.
        """
        try:
            protection = self._scheme.parse(payload)
        except ParseError:
            self.dropped["malformed"] += 1
            return []
        if protection.ssrc not in (None, self._ssrc):
            self.dropped["another stream"] += 1
            return []
        numbers, parity = protection.sequence_numbers, protection.parity
        waiting = _Waiting(set(numbers), parity, numbers[0])
        for number in numbers:
            known = self._packets.get(number)
            if known is not None:
                parity.add(known)
                waiting.missing.remove(number)
        if not waiting.missing:
            self.dropped["nothing missing"] += 1
            return []
        self._waiting.append(waiting)
        if len(self._waiting) > MAX_KEPT_PARITIES:
            self._waiting.popleft()
            self.dropped["too much missing"] += 1
        return self._recover_with([])

    def _recover_with(self, arrived: list[tuple[int, Parity]]) -> list[bytes]:
        """Take arrived packets out of all parity that waits for them, as long as this recovers others."""
        recovered: list[bytes] = []
        while True:
            while arrived:
                number, parity = arrived.pop()
                self._remember(number, parity)
                for waiting in self._waiting:
                    if number in waiting.missing:
                        waiting.missing.remove(number)
                        waiting.parity.add(parity)
            solved = [waiting for waiting in self._waiting if len(waiting.missing) <= 1]
            if not solved:
                return recovered
            self._waiting = deque([waiting for waiting in self._waiting if len(waiting.missing) > 1])
            for waiting in solved:
                # Two parities may have been waiting for the same packet.
                if not waiting.missing or next(iter(waiting.missing)) in self._packets:
                    self.dropped["nothing missing"] += 1
                    continue
                number = waiting.missing.pop()
                try:
                    packet = waiting.parity.packet(number, self._ssrc)
                except ParseError:
                    self.dropped["malformed"] += 1
                    continue
                self.recovered_count += 1
                recovered.append(packet)
                self._remember(number, Parity.of(packet))
                arrived.append((number, Parity.of(packet)))

    def _remember(self, number: int, parity: Parity) -> None:
        self._packets[number] = parity
        if len(self._packets) > MAX_KEPT_PACKETS:
            self._packets.popitem(last=False)

    def _forget_old(self, newest: int) -> None:
        """Drop parity that is too far behind: its numbers would come to mean other packets."""
        while self._waiting and MAX_REACH < (newest - self._waiting[0].base) & 0xFFFF < _HALF:
            self._waiting.popleft()
            self.dropped["too much missing"] += 1
