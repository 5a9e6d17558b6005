"""Reliable, ordered handshake messages over datagrams: the part that DTLS adds to TLS.

The state machine above composes a flight message by message and lets it go with `send_flight`; from then on this
layer repeats it until the next flight is composed, or, in DTLS 1.3, the peer has acknowledged it. Incoming fragments
become whole messages in order. See :rfc:`6347#section-4.2.4` and :rfc:`9147#section-5.8.1`; their states are PREPARING
(composing), SENDING (`pending`), WAITING (a deadline), FINISHED.
"""

from collections.abc import Iterator
from typing import Final, Protocol

from .ack import SentRecords, parse_ack
from .acknowledger import DELAY, Acknowledger
from .config import MIN_MTU
from .errors import ParseError
from .flight import FINAL_FLIGHT_LIFETIME, ChangeCipherSpec, FlightItem, RetransmissionTimer, pack
from .fragment import DUPLICATE, Reassembler
from .handshake import Fragment, HandshakeMessage, HandshakeType, message_name
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

HANDSHAKE_EPOCH: Final = 2
"""The epoch of DTLS 1.3 whose keys come from the hellos."""

MAX_UNFETCHED_ANSWERS: Final = 16
"""Records of `HandshakeLayer.send_once` that wait for a flush."""


RESERVED_NUMBERS: Final = 32
"""Sequence numbers at the end of an epoch that ACKs must leave."""


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
        "_acknowledger",
        "_acknowledges",
        "_apart",
        "_awaits_ack",
        "_flight",
        "_flight_is_final",
        "_is_over",
        "_journal",
        "_last_sent",
        "_max_transmissions",
        "_next_send_seq",
        "_once",
        "_preparing",
        "_reassembler",
        "_records",
        "_repetitions",
        "_sent",
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
        self._awaits_ack = False
        self._sent = SentRecords()
        self._acknowledger = Acknowledger()
        self._acknowledges = False
        self._apart = False
        self._is_over = False
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
        fresh = old = repeated = refused = False
        # [rfc9147:7.1/5]
        self._acknowledger.add(number)
        at = 0
        # [rfc6347:4.2.3/9]
        while at < len(content):
            try:
                fragment, at = Fragment.parse(content, at)
            except ParseError:
                # Invalid records are dropped without an alert: they may be anyone's. [rfc6347:4.1.2.7/4]
                self._journal.drop("handshake_malformed")
                refused = True
                break
            dropped = _out_of_place(fragment, epoch) or self._reassembler.add(fragment, epoch)
            if dropped is None:
                fresh = True
                if epoch:
                    self._on_answer()
            else:
                self._journal.drop(dropped)
                old |= dropped == DUPLICATE
                repeated |= dropped == DUPLICATE and self._ends_last_message(fragment)
                refused |= dropped != DUPLICATE
            while (message := self._reassembler.next_message()) is not None:
                yield message
        if refused:
            self._acknowledger.discard(number)
        if old:
            self._on_repetition(epoch, is_whole=repeated)
        if fresh and self._acknowledges and not self._acknowledger.is_empty:
            self._consider_acknowledging()

    def _ends_last_message(self, fragment: Fragment) -> bool:
        """Whether this is the end of the peer's last flight, again."""
        return (
            fragment.message_seq == self._reassembler.next_receive_seq - 1
            and fragment.offset + len(fragment.data) == fragment.length
        )

    def _on_repetition(self, epoch: int, *, is_whole: bool) -> None:
        """The peer seems not to have got our flight, or not to know that we have got its own."""
        # [rfc6347:4.2.4/4] [rfc6347:4.2.4/7] [rfc9147:5.8.1/2]
        if self._flight and not (self._is_over and epoch > HANDSHAKE_EPOCH):
            if is_whole:
                self._consider_repeating()
        elif self._acknowledges:
            # [rfc9147:5.8.1/4] [rfc9147:7/5]
            self._acknowledger.due = True

    def _consider_repeating(self) -> None:
        since = self._journal.now - self._last_sent
        if since < REPEAT_INTERVAL * self._timer.initial:
            return
        if self._flight_is_final and since > FINAL_FLIGHT_LIFETIME:
            return
        self._repeat()

    def _repeat(self) -> None:
        if not self.pending and self._repetitions < MAX_REPETITIONS:
            self._repetitions += 1
            self.pending = True

    def _consider_acknowledging(self) -> None:
        if self._reassembler.has_gap:
            # [rfc9147:7.1/1]
            self._acknowledger.due = True
        else:
            self._acknowledger.wait(self._journal.now + DELAY * self._timer.initial)

    def _on_answer(self) -> None:
        """Something under protection, so the peer has all of our flight: by now or soon there is the rest of the answer.

        Until then the timer makes us remind the peer of what is missing, in place of repeating what is not.
        """
        # [rfc9147:7/4] [rfc9147:7.2/4]
        if self._acknowledges and self._flight and not self._awaits_ack:
            self.answered()

    def answered(self) -> None:
        """The peer has our flight, although its answer is not complete."""
        self._flight = []
        self.pending = False
        self._timer.begin_flight()
        self._timer.sent(self._journal.now)

    def receive_ack(self, content: bytes) -> bool:
        """Take an ACK, which has to have come under protection.

        Returns:
            Whether with it the whole flight is acknowledged.

        Raises:
            ParseError: It is malformed.
        """
        numbers = parse_ack(content)
        if not self._flight:
            return False
        # [rfc9147:7.2/1] [rfc9147:7.2/3]
        news = self._sent.acknowledged(numbers)
        if not any(item.outstanding for item in self._flight if isinstance(item, HandshakeMessage)):
            # [rfc9147:7.2/2]
            self._flight = []
            self.pending = False
            self._timer.begin_flight()
            if not self._awaits_ack:
                self._timer.sent(self._journal.now)
            return True
        if news:
            # [rfc9147:7.2/5]
            self._repeat()
        else:
            self._consider_repeating()
        return False

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
        if self._journal.is_traced:
            name = message_name(message.message_type)
            self._journal.trace("handshake_message_composed", message=name, message_seq=message.message_seq)
        return message

    def compose_change_cipher_spec(self) -> None:
        """Add a ChangeCipherSpec to the flight in preparation."""
        # [rfc6347:4.2.5/1]
        self._preparing.append(ChangeCipherSpec())

    def send_flight(self, *, final: bool = False, awaits_ack: bool = False, is_answer: bool = True) -> None:
        """Let the flight in preparation go, in place of the one before, which the peer has obviously received.

        Args:
            final: No answer is expected: send it once, and again only when the peer repeats its own last flight.
            awaits_ack: No flight of the peer answers it, but an ACK: send it until there is one.
            is_answer: Whether the peer sees from it that we have what it said.
        """
        self._awaits_ack = awaits_ack
        self._sent.clear()
        if is_answer:
            self._acknowledger.settle()
        self._flight, self._preparing = self._preparing, []
        self._flight_is_final = final
        self._repetitions = 0
        # [rfc6347:4.2.4/2]
        self._timer.begin_flight()
        self.pending = True

    def send_once(self, content_type: ContentType, content: bytes, number: int) -> None:
        """Send one plaintext record under a given number, and be as if nothing had been said."""
        if len(self._once) >= MAX_UNFETCHED_ANSWERS:
            self._journal.drop("answers_unfetched")
            return
        # [rfc6347:4.2.1/12]
        # Our own count stays where it is: hellos that anybody may have forged must not move it.
        self._once.append(bytes(Record(content_type, Version.DTLS_1_2, number, content)))

    def send_message_once(self, body: MessageBody, message_seq: int, number: int) -> None:
        """The same with a handshake message."""
        message = HandshakeMessage(body.message_type, message_seq, bytes(body), 0)
        self.send_once(ContentType.HANDSHAKE, bytes(message), number)

    # --- acknowledging

    def use_acks(self) -> None:
        """From now on this is DTLS 1.3."""
        self._acknowledges = True

    def require_epoch(self, epoch: int) -> None:
        """From the next message on, take those of this epoch and later ones alone."""
        self._reassembler.require_epoch(epoch)

    def acknowledge(self) -> None:
        """The peer's flight is complete and has no other answer."""
        # [rfc9147:7.1/3] [rfc9147:8/1]
        self._acknowledger.due = True

    @property
    def awaits_ack(self) -> bool:
        """Whether the flight that is out has to be acknowledged yet."""
        return bool(self._flight)

    def go_on(self) -> None:
        """The handshake of DTLS 1.3 is over; messages go on under the keys of the application."""
        self._is_over = True
        self.require_epoch(HANDSHAKE_EPOCH + 1)
        if not self._flight:
            self._timer.stop()

    # --- the end

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
        self._acknowledger.settle()

    def forget(self) -> None:
        """Neither send nor receive anything any more, and keep nothing."""
        self.abandon()
        self._reassembler.forget()

    # --- time and output

    @property
    def has_output(self) -> bool:
        """Whether a flush would send something."""
        return self.pending or bool(self._once) or self._has_ack

    @property
    def _has_ack(self) -> bool:
        """Whether an ACK is due, and there is an epoch to send it in: never in plaintext."""
        # [rfc9147:7/6]
        records = self._records
        if not (self._acknowledger.due and self._acknowledges and records.write_epoch >= HANDSHAKE_EPOCH):
            return False
        # The peer can ask for any number of them: what is left of a key is for new keys and a last alert.
        return records.application_sealer().records_left > RESERVED_NUMBERS

    @property
    def deadline(self) -> float | None:
        """When `handle_timeout` is due."""
        flight, ack = self._timer.deadline, self._acknowledger.deadline
        if flight is None or ack is None:
            return ack if flight is None else flight
        return min(flight, ack)

    def set_initial_timeout(self, seconds: float) -> None:
        """Change the timer's start value, from the next transmission on."""
        # [rfc9147:5.8.2/3]
        self._timer.rescale(seconds)

    def handle_timeout(self, now: float) -> bool:
        """Send the flight again if its time has come.

        Returns:
            False if it was sent often enough and the peer has to be given up.
        """
        self._acknowledger.handle_timeout(now)
        # [rfc6347:4.2.4/5]
        if self._timer.deadline is None or now < self._timer.deadline:
            return True
        unanswered = self._timer.transmissions - self._repetitions
        # [rfc9147:5.10/3]
        if unanswered >= self._max_transmissions:
            return False
        if unanswered >= TRANSMISSIONS_AT_FULL_SIZE:
            # [rfc6347:4.1.1.1/9] [rfc9147:4.4/5]
            self.mtu = min(self.mtu, SMALLEST_PATH_MTU)
            # Mbed TLS overlooks what stands behind a fragment in the same record.
            self._apart = True
        # [rfc6347:4.2.4/3] [rfc9147:5.8.1/3]
        self._timer.expired()
        if self._flight:
            self.pending = True
        else:
            # We have said all, the peer has not: it learns what is missing.
            self._acknowledger.due = True
            self._timer.sent(now)
        return True

    def datagrams_to_send(self, now: float) -> list[bytes]:
        """Drain what has to go out."""
        datagrams, self._once = self._once, []
        # The peer chose the length of its connection ID, which may be as long as a small MTU: the datagrams grow by it.
        mtu = max(self.mtu, MIN_MTU + len(self._records.peer_connection_id))
        if self.pending:
            self.pending = False
            if self._timer.transmissions:
                self._journal.stats.flights_retransmitted += 1
            # [rfc6347:4.2.4/1] [rfc6347:4.1/5] [rfc6347:4.2.2/3] [rfc6347:4.2.2/4]
            datagrams += pack(self._flight, self._records, mtu, self._sent, apart=self._apart)
            self._timer.sent(now)
            self._last_sent = now
            if self._flight_is_final:
                self._timer.stop()
        if self._has_ack:
            epoch = self._records.write_epoch
            room = min(mtu - self._records.overhead(epoch), self._records.max_content(epoch))
            # [rfc9147:7/6] [rfc9147:7/7]
            datagrams.append(self._records.seal(ContentType.ACK, self._acknowledger.take(room), epoch))
            if self._is_over:
                self._acknowledger.settle()
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
