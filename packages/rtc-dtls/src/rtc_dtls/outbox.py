"""What waits for the next flush: the handshake's flight, application data and alerts, in this order.

When the connection ends, what still waits is sealed at once, so that the keys need not outlive it.
"""

from collections.abc import Sequence
from typing import Final

from .alert import Alert, AlertDescription, AlertLevel
from .errors import BufferFullError, StateError
from .handshake_layer import HandshakeLayer
from .journal import Journal
from .record import ContentType
from .record_layer import RecordLayer

MAX_PENDING_WARNINGS: Final = 4
"""Answers to attempts at renegotiation that wait for a flush."""

RESERVED_NUMBERS: Final = 64
"""Sequence numbers at the end of the epoch that application data must leave for repeated flights and a last alert."""


class Outbox:
    """Queues that `datagrams` turns into sealed datagrams."""

    # [rfc9147:4/8] Each association has its own.

    __slots__ = ("_alerts", "_farewell", "_journal", "_layer", "_max_datas", "_records", "datas")

    def __init__(self, *, journal: Journal, layer: HandshakeLayer, records: RecordLayer, max_datas: int) -> None:
        self._journal = journal
        self._layer = layer
        self._records = records
        self._max_datas = max_datas
        self._alerts: list[Alert] = []
        self._farewell: list[bytes] = []
        self.datas: list[bytes] = []
        """Application data, each of which becomes one datagram."""

    def add(self, datas: Sequence[bytes]) -> None:
        """Queue application data, all of it or none.

        Raises:
            BufferFullError: Too much is queued already.
            StateError: The sequence numbers are used up.
            ValueError: An item is empty or longer than a record.
        """
        queued = len(self.datas) + len(datas)
        if queued > self._max_datas:
            raise BufferFullError(f"{len(self.datas)} datagrams wait to be flushed")
        # [rfc6347:4.1/13]
        if queued > self._records.application_sealer().records_left - RESERVED_NUMBERS:
            raise StateError("the sequence numbers of this connection are used up")
        longest = self._records.max_content(self._records.write_epoch)
        # [rfc6347:4.1.1.1/6] [rfc5764:4.1/2] [rfc8449:4/1] [rfc8446:5.2/1]
        if datas and not 0 < min(map(len, datas)) <= max(map(len, datas)) <= longest:
            raise ValueError(f"a record holds 1 to {longest} bytes")
        self.datas += datas

    def add_alert(self, level: AlertLevel, description: int) -> None:
        """Queue an alert."""
        self._alerts.append(Alert(level, description))

    def refuse_renegotiation(self) -> None:
        """Queue a warning, unless several wait already: they are the peer's to provoke."""
        records_left = self._records.application_sealer().records_left
        if len(self._alerts) < MAX_PENDING_WARNINGS and records_left > RESERVED_NUMBERS:
            # [rfc5246:7.2.2/11] [rfc5746:4.2/2] [rfc8827:6.5/14]
            self.add_alert(AlertLevel.WARNING, AlertDescription.NO_RENEGOTIATION)

    def discard(self) -> None:
        """Drop what waits."""
        self._alerts = []
        self.datas = []
        self._layer.abandon()

    def seal_farewell(self) -> None:
        """Seal what waits: the keys are about to go."""
        self._farewell = self._seal()

    @property
    def waiting(self) -> bool:
        """Whether a flush would send something."""
        return bool(self.datas or self._alerts or self._farewell or self._layer.has_output)

    def datagrams(self) -> list[bytes]:
        """Drain everything."""
        if self._farewell:
            datagrams, self._farewell = self._farewell, []
        else:
            datagrams = self._seal()
        stats = self._journal.stats
        stats.datagrams_sent += len(datagrams)
        stats.bytes_sent += sum(map(len, datagrams))
        if self._journal.is_traced:
            self._journal.trace("datagrams_sent", lengths=[len(datagram) for datagram in datagrams])
        return datagrams

    def _seal(self) -> list[bytes]:
        records = self._records
        datagrams = self._layer.datagrams_to_send(self._journal.now)
        if self.datas:
            datagrams += records.application_sealer().seal_many(ContentType.APPLICATION_DATA, self.datas)
            self._journal.stats.application_data_sent += len(self.datas)
            self.datas = []
        # [rfc6347:4.2.7/1]
        for alert in self._alerts:
            datagrams.append(records.seal(ContentType.ALERT, bytes(alert), records.write_epoch))
        self._alerts = []
        return datagrams
