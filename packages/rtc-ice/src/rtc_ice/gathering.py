"""Gathering: host candidates from the caller's addresses, server-reflexive ones from STUN servers, relayed ones.

See :rfc:`8445#section-5.1.1` and :rfc:`8838#section-9`. Every candidate is reported as soon as it is known; a server
that does not answer delays nothing but the end of gathering, and that by a bounded time.
"""

from collections.abc import Iterable

from rtc_ice.candidate import HOST, SERVER_REFLEXIVE, Candidate
from rtc_ice.config import MIN_RTO, IceConfig
from rtc_ice.credentials import Rng
from rtc_ice.events import CandidateGatheringFailed
from rtc_ice.foundation import Foundations
from rtc_ice.local_address import LocalAddress
from rtc_ice.messages import TRANSACTION_ID_LENGTH, build_gathering_request, server_mapped_address
from rtc_ice.pair import LocalCandidate
from rtc_ice.priority import candidate_priority
from rtc_ice.relayed import Relays
from rtc_ice.stun_streams import StunStreams
from rtc_ice.tcp import base_of, reflexive_local_preference, tcp_extensions
from rtc_ice.transaction import Transaction, TransactionTable
from rtc_stun import Address, Datagram, ErrorCode, Message


class GatheringTransaction(Transaction):
    """A question to a STUN server."""

    __slots__ = ("host", "is_refresh", "server")

    def __init__(
        self,
        transaction_id: bytes,
        datagram: Datagram,
        now: float,
        *,
        host: LocalCandidate,
        server: Address,
        is_refresh: bool,
        rto: float,
        config: IceConfig,
    ) -> None:
        super().__init__(
            transaction_id,
            datagram,
            now,
            rto=rto,
            max_requests=config.max_requests,
            final_wait=rto * config.final_wait_rtos,
            timeout=config.gathering_timeout,
        )
        self.host = host
        self.server = server
        self.is_refresh = is_refresh
        """Whether it only keeps alive what an earlier one obtained."""


class Gatherer:
    """Makes the local candidates of one session."""

    def __init__(
        self, *, config: IceConfig, foundations: Foundations, relays: Relays, streams: StunStreams, rng: Rng
    ) -> None:
        self.failures: list[CandidateGatheringFailed] = []
        """What went wrong since the last look."""
        self._config = config
        self._foundations = foundations
        self._relays = relays
        self._streams = streams
        self._rng = rng
        self._queue: list[tuple[LocalCandidate, Address]] = []
        self._transactions: TransactionTable[GatheringTransaction] = TransactionTable()
        self._refresh_at: dict[tuple[Address, Address], tuple[float, LocalCandidate]] = {}

    def candidates_of(self, local: LocalAddress) -> list[LocalCandidate]:
        """Make the candidates of an address that nobody has to be asked for: that of the host, and that of a translator."""
        host = self._host_candidate(local)
        mapped = local.announcement.mapped
        return [host] if mapped is None else [host, self._reflexive(host, None, mapped)]

    def _host_candidate(self, local: LocalAddress) -> LocalCandidate:
        """Make the host candidate of an address and queue the questions to the servers of its family."""
        address = local.address
        candidate = Candidate(
            foundation=self._foundations.get(HOST, address, None, local.transport),
            component_id=local.component_id,
            transport=local.transport,
            # [rfc8445:5.1.2/1] [rfc8445:5.2/7] [rfc8445:5.2/8]
            priority=candidate_priority(HOST, local.local_preference, local.component_id, local.transport),
            # [rfc6544:4.5/2] [rfc6544:4.5/3]
            address=local.shown,
            # [rfc8839:5.1/7]
            type=HOST,
            extensions=tcp_extensions(local.tcp_type),
        )
        host = LocalCandidate(candidate, address, local.stream, local.local_preference)
        host.related_address = local.related_address
        # [rfc8828:5.2/4]
        host.is_signalled = local.announcement.host is not None
        if local.tcp_type is None and not (self._config.lite or self._config.relay_only):
            # [rfc8445:5.1.1.2/1] [rfc8445:5.1.1.2/4]
            self._queue.extend(
                (host, server) for server in self._config.stun_servers if server.is_ipv6 == address.is_ipv6
            )
        if local.tcp_type is not None and local.tcp_type.accepts and local.announcement.mapped is None:
            for server in _tcp_servers(self._config):
                self._ask_by_tcp(host, server)
        return host

    def _ask_by_tcp(self, host: LocalCandidate, server: Address) -> None:
        # [rfc6544:4.1/4] Active candidates connect from ports that nobody has to know.
        hidden = self._config.lite or self._config.relay_only
        if not hidden and server.is_ipv6 == host.base.is_ipv6 and (host, server) not in self._queue:
            self._queue.append((host, server))

    def add_server(self, config: IceConfig, server: Address, hosts: Iterable[LocalCandidate]) -> None:
        """Ask a server that ``config`` has become richer by, through the given host candidates."""
        self._config = config
        hosts = list(hosts)
        if not (config.lite or config.relay_only):
            self._queue.extend(
                (host, server) for host in hosts if host.is_at(host.base, "udp") and host.base.is_ipv6 == server.is_ipv6
            )
        self.add_tcp_server(config, server, hosts)

    def add_tcp_server(self, config: IceConfig, server: Address, hosts: Iterable[LocalCandidate]) -> None:
        """Ask a server that ``config`` has become richer by, over connections alone."""
        self._config = config
        for host in hosts:
            if host.candidate.tcp_type is not None and host.candidate.tcp_type.accepts:
                self._ask_by_tcp(host, server)

    def take_answers(self) -> list[LocalCandidate]:
        """Return the candidates that came of questions over connections."""
        return [self._reflexive(host, server, mapped) for host, server, mapped in self._streams.answers()]

    def ask(self, host: LocalCandidate, server: Address) -> None:
        """Ask a server that is not configured as a STUN server, but understands Binding requests as well."""
        if server not in self._config.stun_servers:
            self._queue.append((host, server))

    @property
    def has_work(self) -> bool:
        """Whether a question waits to be asked."""
        return bool(self._queue) or self._relays.has_work

    @property
    def done(self) -> bool:
        """Whether every question was asked, and answered or given up."""
        asked = not self._queue and all(transaction.is_refresh for transaction in self._transactions.all())
        return asked and self._relays.done and self._streams.done

    def next_request(self, ta: float, now: float) -> list[Datagram]:
        """Begin the next transaction and return its first request; that of an allocation is for the relays to send."""
        if not self._queue:
            if self._relays.has_work:
                self._relays.begin_next(now)
            return []
        host, server = self._queue.pop(0)
        if host.candidate.transport == "tcp":
            self._streams.ask(host, server, now + self._config.gathering_timeout)
            return []
        # [rfc8445:14.3/1]
        rto = max(MIN_RTO, ta * (1 + len(self._queue) + len(self._transactions)))
        return [self._ask(host, server, now, rto=rto, is_refresh=False)]

    def handle_timeout(self, now: float) -> list[Datagram]:
        """Return requests to repeat and bindings to refresh; give up on silent servers."""
        output = []
        for transaction in self._transactions.due(now):
            if transaction.advance(now):
                output.append(transaction.datagram)
            else:
                self._give_up(transaction, None, "the server did not answer", now)
        # [rfc8445:5.1.1.4/1] [rfc8445:5.1.1.4/2]
        for (_, server), (refresh_at, host) in list(self._refresh_at.items()):
            if now >= refresh_at:
                output.append(self._ask(host, server, now, rto=MIN_RTO, is_refresh=True))
        return output

    def handle_response(self, message: Message, datagram: Datagram, now: float) -> tuple[bool, LocalCandidate | None]:
        """Take a response.

        Returns:
            Whether it answered a question of ours, and the candidate that it gave.
        """
        transaction = self._transactions.get(message.transaction_id)
        if transaction is None or (transaction.datagram.remote, transaction.datagram.local) != (
            datagram.remote,
            datagram.local,
        ):
            return False, None
        mapped = server_mapped_address(message)
        error = message.get(ErrorCode)
        if error is not None or mapped is None or message.unknown_required():
            # An ALTERNATE-SERVER in the response is not followed.
            code = None if error is None else error.code
            reason = "the server did not tell an address" if error is None else error.reason
            self._give_up(transaction, code, reason, now)
            return True, None
        self._transactions.remove(transaction)
        self._keep_alive(transaction, now)
        return True, None if transaction.is_refresh else self._reflexive(transaction.host, transaction.server, mapped)

    def forget(self, address: Address, transport: str) -> None:
        """Stop what concerns an address that is gone."""
        self._queue = [(host, server) for host, server in self._queue if not host.is_at(address, transport)]
        if transport == "tcp":
            self._streams.forget(address)
            return
        for transaction in self._transactions.all():
            if transaction.host.base == address:
                self._transactions.remove(transaction)
        for key in [key for key in self._refresh_at if key[0] == address]:
            del self._refresh_at[key]

    def stop(self) -> None:
        """Ask no more and keep nothing alive."""
        self._queue.clear()
        self._refresh_at.clear()
        for transaction in self._transactions.all():
            self._transactions.remove(transaction)

    def next_timeout(self) -> float | None:
        """Return when the next timer fires."""
        times = [refresh_at for refresh_at, _ in self._refresh_at.values()]
        if (at := self._transactions.next_timeout()) is not None:
            times.append(at)
        return min(times, default=None)

    def _ask(self, host: LocalCandidate, server: Address, now: float, *, rto: float, is_refresh: bool) -> Datagram:
        transaction_id = self._rng(TRANSACTION_ID_LENGTH)
        datagram = Datagram(build_gathering_request(transaction_id), host.base, server)
        self._transactions.add(
            GatheringTransaction(
                transaction_id,
                datagram,
                now,
                host=host,
                server=server,
                is_refresh=is_refresh,
                rto=rto,
                config=self._config,
            )
        )
        self._refresh_at.pop((host.base, server), None)
        return datagram

    def _reflexive(self, host: LocalCandidate, server: Address | None, mapped: Address) -> LocalCandidate:
        # [rfc8445:5.1.2.1/7] Below the host's preference there is one for each server.
        servers = self._config.stun_servers
        preference = max(0, host.local_preference - (servers.index(server) if server in servers else len(servers)))
        tcp_type, transport = host.candidate.tcp_type, host.candidate.transport
        if tcp_type is not None:
            preference = reflexive_local_preference(tcp_type, host.local_preference)
            mapped = base_of(mapped, tcp_type)
        candidate = Candidate(
            foundation=self._foundations.get(SERVER_REFLEXIVE, host.base, server, transport),
            component_id=host.candidate.component_id,
            transport=transport,
            priority=candidate_priority(SERVER_REFLEXIVE, preference, host.candidate.component_id, transport),
            address=mapped,
            type=SERVER_REFLEXIVE,
            related_address=host.related_address,
            extensions=tcp_extensions(tcp_type),
        )
        return LocalCandidate(candidate, host.base, host.stream, preference, server)

    def _give_up(self, transaction: GatheringTransaction, code: int | None, reason: str, now: float) -> None:
        self._transactions.remove(transaction)
        if transaction.is_refresh:
            self._keep_alive(transaction, now)
            return
        self.failures.append(
            CandidateGatheringFailed(transaction.host.base, transaction.server, code, reason or "the server refused")
        )

    def _keep_alive(self, transaction: GatheringTransaction, now: float) -> None:
        key = (transaction.host.base, transaction.server)
        self._refresh_at[key] = (now + self._config.keepalive_interval, transaction.host)


def _tcp_servers(config: IceConfig) -> list[Address]:
    """Return the servers that may be asked over connections: whoever relays for those understands Binding requests as well."""
    relays = (server.address for server in config.turn_servers if server.transport == "tcp")
    return list(dict.fromkeys([*relays, *config.stun_servers]))
