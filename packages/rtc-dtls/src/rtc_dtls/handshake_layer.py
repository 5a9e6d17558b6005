"""Reliable, ordered handshake messages over datagrams: the part that DTLS adds to TLS.

The state machine above composes a flight message by message and lets it go with `send_flight`; from then on this
layer repeats it until the next flight is composed. Incoming fragments become whole messages in order.
See :rfc:`6347#section-4.2.4`; its states are PREPARING (composing), SENDING (`pending`), WAITING (a deadline), FINISHED.
"""

from collections.abc import Iterator
from typing import Final, Protocol

from .errors import ParseError
from .flight import FINAL_FLIGHT_LIFETIME, ChangeCipherSpec, FlightItem, RetransmissionTimer, pack
from .fragment import DUPLICATE, Reassembler
from .handshake import Fragment, HandshakeMessage, HandshakeType
from .journal import Journal
from .record import ContentType, Record
from .record_layer import RecordLayer
from .version import Version

REPEAT_INTERVAL: Final = 0.25
"""A flight is repeated for a duplicate of the peer's only if it went out at least this part of the initial timeout
ago. Firefox sends its ClientHello twice within milliseconds."""


MAX_REPETITIONS: Final = 12
"""How often a flight is repeated because the peer seems to have missed it. Anybody can forge such a sign in epoch 0."""

TRANSMISSIONS_AT_FULL_SIZE: Final = 4
"""A flight that stays without an answer that often may be too large for the path: from then on it is cut smaller."""

SMALLEST_PATH_MTU: Final = 548
"""UDP payload that every path of IPv4 takes, 576 bytes without the headers; those of IPv6 take more."""

MAX_UNFETCHED_ANSWERS: Final = 16
"""Messages of `HandshakeLayer.send_once` that wait for a flush."""


class MessageBody(Protocol):
    """A handshake message that knows its type and its bytes."""

    @property
    def message_type(self) -> HandshakeType:
        """The type in the header."""
        ...

    def __bytes__(self) -> bytes: ...


class HandshakeLayer:
    """Flights out, messages in."""

    __slots__ = (
        "_flight",
        "_flight_is_final",
        "_journal",
        "_last_sent",
        "_max_transmissions",
        "_next_send_seq",
        "_once",
        "_preparing",
        "_reassembler",
        "_records",
        "_repetitions",
        "_timer",
        "mtu",
        "pending",
        "received_number",
    )

    def __init__(
        self,
        *,
        records: RecordLayer,
        journal: Journal,
        mtu: int,
        initial_timeout: float,
        max_timeout: float,
        max_transmissions: int,
        in_order: bool,
    ) -> None:
        self._records = records
        self._journal = journal
        self._max_transmissions = max_transmissions
        self._reassembler = Reassembler(in_order=in_order)
        self._timer = RetransmissionTimer(initial_timeout, max_timeout)
        self._next_send_seq = 0
        self._preparing: list[FlightItem] = []
        self._flight: list[FlightItem] = []
        self._flight_is_final = False
        self._repetitions = 0
        self._last_sent = 0.0
        self._once: list[bytes] = []
        self.mtu = mtu
        self.pending = False
        """Whether the flight has to go out with the next flush."""
        self.received_number = 0
        """Epoch and sequence number of the record that was received last."""

    # --- receiving

    @property
    def awaits_hello(self) -> bool:
        """Whether this is a server that has not accepted any hello yet."""
        return not self._reassembler.in_order

    def receive(self, content: bytes, number: int) -> Iterator[HandshakeMessage]:
        """Take the content of a handshake record and yield the messages that are whole now, one at a time.

        Args:
            content: One or more fragments.
            number: Epoch and sequence number of the record.

        Raises:
            ProtocolError: Fragments contradict each other.
        """
        self.received_number = number
        epoch = number >> 48
        if not content:
            self._journal.drop("handshake_empty")
        at = 0
        # [rfc6347:4.2.3/9]
        while at < len(content):
            try:
                fragment, at = Fragment.parse(content, at)
            except ParseError:
                # Invalid records are dropped without an alert: they may be anyone's. [rfc6347:4.1.2.7/4]
                self._journal.drop("handshake_malformed")
                return
            dropped = _out_of_place(fragment, epoch) or self._reassembler.add(fragment, epoch)
            if dropped is not None:
                self._journal.drop(dropped)
            if dropped == DUPLICATE:
                self._consider_repeating(fragment)
            while (message := self._reassembler.next_message()) is not None:
                yield message

    def _consider_repeating(self, fragment: Fragment) -> None:
        """Send our flight again if this is the end of the peer's last one: it seems not to have got ours."""
        # [rfc6347:4.2.4/4] [rfc6347:4.2.4/7]
        if fragment.message_seq != self._reassembler.next_receive_seq - 1 or not self._flight:
            return
        if fragment.offset + len(fragment.data) != fragment.length:
            return
        since = self._journal.now - self._last_sent
        if self.pending or since < REPEAT_INTERVAL * self._timer.initial:
            return
        if self._repetitions >= MAX_REPETITIONS or (self._flight_is_final and since > FINAL_FLIGHT_LIFETIME):
            return
        self._repetitions += 1
        self.pending = True

    def synchronise(self, message_seq: int) -> None:
        """As a server, go on from the hello that was accepted: our numbers start where the client's stand."""
        self._reassembler.synchronise(message_seq + 1)
        self._next_send_seq = message_seq

    # --- composing

    def compose(self, body: MessageBody) -> HandshakeMessage:
        """Add a message to the flight in preparation, in the current write epoch."""
        # [rfc6347:4.2.2/2]
        message = HandshakeMessage(body.message_type, self._next_send_seq, bytes(body), self._records.write_epoch)
        self._next_send_seq += 1
        self._preparing.append(message)
        return message

    def compose_change_cipher_spec(self) -> None:
        """Add a ChangeCipherSpec to the flight in preparation."""
        # [rfc6347:4.2.5/1]
        self._preparing.append(ChangeCipherSpec())

    def send_flight(self, *, final: bool = False) -> None:
        """Let the flight in preparation go, in place of the one before, which the peer has obviously received.

        Args:
            final: No answer is expected: send it once, and again only when the peer repeats its own last flight.
        """
        self._flight, self._preparing = self._preparing, []
        self._flight_is_final = final
        self._repetitions = 0
        # [rfc6347:4.2.4/2]
        self._timer.begin_flight()
        self.pending = True

    def send_once(self, body: MessageBody, message_seq: int, number: int) -> None:
        """Send one plaintext message under a given record number, and be as if nothing had been said."""
        if len(self._once) >= MAX_UNFETCHED_ANSWERS:
            self._journal.drop("answers_unfetched")
            return
        message = HandshakeMessage(body.message_type, message_seq, bytes(body), 0)
        # [rfc6347:4.2.1/12]
        # Our own count stays where it is: hellos that anybody may have forged must not move it.
        self._once.append(bytes(Record(ContentType.HANDSHAKE, Version.DTLS_1_2, number, bytes(message))))

    def finish(self) -> None:
        """The handshake is over. A final flight stays for repetition, anything else is done with.

        So are pieces of messages beyond the last one: they may have come unprotected, from anybody.
        """
        self._reassembler.forget()
        self._timer.stop()
        if not self._flight_is_final:
            self.abandon()

    def abandon(self) -> None:
        """Send nothing any more."""
        self._timer.stop()
        self._flight = []
        self._preparing = []
        self._once = []
        self.pending = False

    def forget(self) -> None:
        """Neither send nor receive anything any more, and keep nothing."""
        self.abandon()
        self._reassembler.forget()

    # --- time and output

    @property
    def has_output(self) -> bool:
        """Whether a flush would send something."""
        return self.pending or bool(self._once)

    @property
    def deadline(self) -> float | None:
        """When `handle_timeout` is due."""
        return self._timer.deadline

    def set_initial_timeout(self, seconds: float) -> None:
        """Change the timer's start value, from the next transmission on."""
        self._timer.rescale(seconds)

    def handle_timeout(self, now: float) -> bool:
        """Send the flight again if its time has come.

        Returns:
            False if it was sent often enough and the peer has to be given up.
        """
        # [rfc6347:4.2.4/5]
        if self._timer.deadline is None or now < self._timer.deadline:
            return True
        unanswered = self._timer.transmissions - self._repetitions
        if unanswered >= self._max_transmissions:
            return False
        if unanswered >= TRANSMISSIONS_AT_FULL_SIZE:
            # [rfc6347:4.1.1.1/9]
            self.mtu = min(self.mtu, SMALLEST_PATH_MTU)
        # [rfc6347:4.2.4/3]
        self._timer.expired()
        self.pending = True
        return True

    def datagrams_to_send(self, now: float) -> list[bytes]:
        """Drain what has to go out."""
        datagrams, self._once = self._once, []
        if self.pending:
            self.pending = False
            if self._timer.transmissions:
                self._journal.stats.flights_retransmitted += 1
            # [rfc6347:4.2.4/1] [rfc6347:4.1/5] [rfc6347:4.2.2/3] [rfc6347:4.2.2/4]
            datagrams += pack(self._flight, self._records, self.mtu)
            self._timer.sent(now)
            self._last_sent = now
            if self._flight_is_final:
                self._timer.stop()
        return datagrams


def _out_of_place(fragment: Fragment, epoch: int) -> str | None:
    """Say why a fragment is dropped whatever the state: it has no place in any handshake, or everybody can forge it."""
    if fragment.message_type == HandshakeType.HELLO_REQUEST:
        # It has no number of its own in a handshake that is under way, nor a place in its hashes.
        # [rfc5246:7.4/2] [rfc5246:7.4.1.1/3] [rfc5246:7.4.1.1/5]
        return "hello_request_ignored"
    if fragment.message_type == HandshakeType.FINISHED and epoch == 0:
        return "handshake_plaintext_finished"
    return None
