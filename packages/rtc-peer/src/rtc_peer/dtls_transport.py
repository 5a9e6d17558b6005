"""One DTLS connection as a transport: waiting for the answer, shaking hands, carrying packets.

Nothing is fed to DTLS that did not come over a path on which the peer has proven to ICE that it knows our password; so a
stranger who races with a ClientHello of its own meets a closed door. What the peer itself sends too early, because it
outran the answer or its own check, is kept until the door opens.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

import rtc_dtls
from rtc_dtls import AlertDescription, Certificate, DtlsConfig, DtlsConnection, SrtpProfile
from rtc_peer.agreement import Agreement
from rtc_peer.events import DtlsTransportEvent, DtlsTransportFailed, DtlsTransportStateChanged
from rtc_peer.journal import Journal
from rtc_peer.state import DtlsTransportState
from rtc_stun import Datagram

MAX_EARLY_DATAGRAMS: Final = 16
"""Datagrams kept that came before DTLS could take them; the oldest go first. A ClientHello has two or three."""
MAX_UNTAKEN_PACKETS: Final = 64
"""How many packets of the peer may wait for somebody to take them, beside those that come together: before there are data channels, or
where there are none, nobody does."""
# [rfc9143:11/2] [rfc8827:6.5/2] [rfc8827:6.5/11]
SRTP_PROFILES: Final = (
    SrtpProfile.AEAD_AES_128_GCM,
    SrtpProfile.AEAD_AES_256_GCM,
    SrtpProfile.AES128_CM_HMAC_SHA1_80,
)
"""Negotiated in every handshake, as all WebRTC endpoints do: media may come later, and aiortc refuses peers without it."""


class DtlsTransport:
    """A DTLS connection that comes into being when both sides are known.

    Args:
        transport_id: Names it in events.
        certificate: Ours.
        rng: Source of randomness.
        template: The settings of the handshake, without what is particular to the peers.
        journal: Takes what is dropped, and records.
    """

    __slots__ = (
        "_certificate",
        "_due",
        "_early",
        "_events",
        "_journal",
        "_rng",
        "_template",
        "_transport_id",
        "agreement",
        "connection",
        "dscp",
        "packets",
        "state",
        "stirred",
    )

    def __init__(
        self,
        transport_id: int,
        *,
        certificate: Certificate,
        rng: Callable[[int], bytes],
        template: DtlsConfig,
        journal: Journal,
    ) -> None:
        self._transport_id = transport_id
        self._journal = journal
        self._certificate = certificate
        self._rng = rng
        self._events: list[DtlsTransportEvent] = []
        self._early: list[Datagram] = []
        self._template = template
        self.agreement: Agreement | None = None
        """What the connection was made for."""
        self.connection: DtlsConnection | None = None
        self.state = DtlsTransportState.NEW
        self.packets: list[bytes] = []
        """What the peer sent through the tunnel; whoever takes them empties the list."""
        self.dscp: int | None = None
        """The code point of what goes through the tunnel, as its user wants it; None while it has none."""
        self.stirred = True
        """Whether something was put into the connection, or fell due, since it was last drained of everything."""
        self._due: float | None = None
        """When the connection wants to be called; holds while it is not stirred."""

    # --- life ---

    def prepare(self, agreement: Agreement) -> None:
        """Make the connection that both descriptions agree on; it replaces an earlier one.

        Raises:
            ValueError: No fingerprint is of a hash function that we know.
        """
        # [rfc8842:5.1/3] [rfc8842:5.1/4] [rfc8842:5.1/5] [rfc8122:5.1/5]
        fingerprints = tuple(
            rtc_dtls.Fingerprint(algorithm=each.algorithm, digest=each.digest) for each in agreement.remote.fingerprints
        )
        # [rfc8829:5.1.1/6] [rfc8829:5.1.1/7] [rfc8827:6.5/7] The keys come from DTLS and never from descriptions; they
        # are not logged [rfc8827:9.1/1] [rfc8827:6.5/19]. [rfc8827:6.5/10] [rfc8827:6.5/12] [rfc8827:6.5/13] The suites are the defaults
        # of rtc_dtls: ephemeral keys and authenticated encryption alone.
        config = replace(
            self._template,
            certificate=self._certificate,
            remote_fingerprints=fingerprints,
            # [rfc8834:4.2/4]
            srtp_profiles=self._template.srtp_profiles or SRTP_PROFILES,
            # [rfc8835:3.5/6] Not confidential: what the application does with what it gets, nobody knows here.
            alpn_protocols=self._template.alpn_protocols or (rtc_dtls.WEBRTC,),
            # [rfc8844:3.2/1] There are no identity assertions here. [rfc8844:4.3/1] Browsers have no tls-id.
            identity_hash=b"",
            external_session_id=None if agreement.remote.tls_id is None else agreement.local.tls_id,
            remote_external_session_id=agreement.remote.tls_id,
        )
        role = rtc_dtls.Role.CLIENT if agreement.is_client else rtc_dtls.Role.SERVER
        self.agreement = agreement
        self.stirred = True
        self.connection = DtlsConnection(role=role, config=config, rng=self._rng, trace=self._journal.trace)
        if self.state is not DtlsTransportState.NEW:
            self._step(DtlsTransportState.NEW)

    @property
    def may_open(self) -> bool:
        """Whether a path is all that is missing."""
        return self.connection is not None and self.state is DtlsTransportState.NEW

    def open(self, now: float, round_trip_time: float | None = None) -> None:
        """Begin: ICE has found a path, and perhaps measured it."""
        connection = self.connection
        if connection is None or not self.may_open:
            return
        if round_trip_time is not None:
            # [rfc9147:5.8.2/3] Shorter than usual it does not get: the peer may have much to compute.
            timeout = max(self._template.initial_timeout, 1.5 * round_trip_time)
            connection.set_initial_timeout(min(timeout, self._template.max_timeout))
        self.stirred = True
        self._step(DtlsTransportState.CONNECTING)
        # [rfc8842:5.3/7] [rfc8842:5.4/1]
        if connection.role is rtc_dtls.Role.CLIENT:
            connection.start(now)

    def close(self, now: float) -> None:
        """Say goodbye to the peer, if there is one."""
        self.stirred = True
        if self.connection is not None:
            self.connection.close(now)
            self._follow()
        if self.state not in (DtlsTransportState.CLOSED, DtlsTransportState.FAILED):
            self._step(DtlsTransportState.CLOSED)
        self._early.clear()

    @property
    def is_client(self) -> bool | None:
        """Whether we began the handshake; None before the roles are known."""
        return None if self.connection is None else self.connection.role is rtc_dtls.Role.CLIENT

    # --- datagrams ---

    @property
    def has_early(self) -> bool:
        """Whether something was kept."""
        return bool(self._early)

    def hold(self, datagram: Datagram) -> None:
        """Keep a datagram that came too early."""
        # [rfc8829:5.11/3] [rfc8842:5.2/4] [rfc8842:5.2/5] [rfc8122:6.2/4] [rfc8122:6.2/5]
        self._early.append(datagram)
        del self._early[:-MAX_EARLY_DATAGRAMS]

    def take_early(self) -> list[Datagram]:
        """Return what was kept, the oldest first."""
        early, self._early = self._early, []
        return early

    def receive(self, batch: list[bytes], now: float) -> None:
        """Take datagrams of the peer that arrived together on proven paths."""
        if self.connection is None:
            return
        if self.state is not DtlsTransportState.CONNECTED and self.connection.role is rtc_dtls.Role.CLIENT:
            # The peer is the server now. As a client it was in an attempt that it has given up, which harms nobody.
            hellos = sum(map(_is_client_hello, batch))
            if hellos:
                self._journal.drop("dtls-of-former-attempt", hellos)
                batch = [each for each in batch if not _is_client_hello(each)]
        self.stirred = True
        self.connection.receive_datagrams(batch, now)
        self._follow()

    def send_many(self, packets: list[bytes]) -> None:
        """Queue packets, each of which becomes one datagram. What DTLS does not take is lost, as on any network."""
        # [rfc8827:6.5/15]
        if self.connection is not None and self.state is DtlsTransportState.CONNECTED:
            self.stirred = True
            try:
                self.connection.send_many(packets)
            except rtc_dtls.DtlsError:
                self._journal.drop("dtls-refused-output", len(packets))

    def datagrams_to_send(self, now: float) -> list[bytes]:
        """Drain what is to be sent; the connection is left alone if it cannot have anything."""
        return [] if self.connection is None or not self.stirred else self.connection.datagrams_to_send(now)

    def handle_timeout(self, now: float) -> None:
        """Do what is due."""
        if self.connection is not None and (self.stirred or (self._due is not None and self._due <= now)):
            self.stirred = True
            self.connection.handle_timeout(now)
            self._follow()

    def rest(self) -> float | None:
        """Everything was drained: return when something is due again."""
        if self.stirred:
            self.stirred = False
            self._due = None if self.connection is None else self.connection.next_timeout()
        return self._due

    @property
    def has_events(self) -> bool:
        """Whether `drain` returns something."""
        return bool(self._events)

    def drain(self) -> list[DtlsTransportEvent]:
        """Return what happened since the last call."""
        events, self._events = self._events, []
        return events

    # --- within ---

    def _follow(self) -> None:
        """Turn the connection's events into packets and states."""
        if self.connection is None:
            return
        packets = self.packets
        if len(packets) > MAX_UNTAKEN_PACKETS:
            self._journal.drop("dtls-untaken", len(packets) - MAX_UNTAKEN_PACKETS)
            del packets[MAX_UNTAKEN_PACKETS:]
        for event in self.connection.events():
            if type(event) is rtc_dtls.ApplicationDataReceived:
                packets.append(event.data)
            else:
                self._happened(event)

    def _happened(self, event: rtc_dtls.Event) -> None:
        match event:
            case rtc_dtls.HandshakeCompleted():
                self._step(DtlsTransportState.CONNECTED)
            case rtc_dtls.ConnectionClosed():
                self._step(DtlsTransportState.CLOSED)
            case rtc_dtls.ConnectionFailed():
                self._fail(event)
            case rtc_dtls.PeerCertificateReceived() | rtc_dtls.ApplicationDataReceived():
                pass

    def _fail(self, event: rtc_dtls.ConnectionFailed) -> None:
        wrong = event.alert == AlertDescription.BAD_CERTIFICATE and not event.received
        self._events.append(
            DtlsTransportFailed(
                self._transport_id,
                "fingerprint-failure" if wrong else "dtls-failure",
                event.reason,
                sent_alert=None if event.received else event.alert,
                received_alert=event.alert if event.received else None,
            )
        )
        self._step(DtlsTransportState.FAILED)

    def _step(self, state: DtlsTransportState) -> None:
        if state is not self.state:
            self.state = state
            self._events.append(DtlsTransportStateChanged(self._transport_id, state))


def _is_client_hello(datagram: bytes) -> bool:
    """Whether a datagram begins with an unprotected ClientHello, whole or in part."""
    return datagram[:1] == b"\x16" and datagram[3:5] == b"\x00\x00" and datagram[13:14] == b"\x01"
