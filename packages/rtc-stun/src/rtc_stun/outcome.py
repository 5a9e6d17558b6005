"""What an authentic response means for the request (:rfc:`8489#section-6.3.3`, :rfc:`8489#section-6.3.4`)."""

from typing import Final, TypeAlias

from rtc_stun.attributes import AlternateDomain, AlternateServer, ErrorCode, XorMappedAddress
from rtc_stun.client_config import ClientConfig
from rtc_stun.dataclass import dataclass
from rtc_stun.datagram import Address
from rtc_stun.events import FailureReason
from rtc_stun.exchange import Exchange
from rtc_stun.message import BINDING, Message, MessageClass

MAX_REDIRECTIONS: Final = 8
REDIRECTION_MEMORY: Final = 300.0
"""Seconds for which a server that the request was sent to is not tried again."""


@dataclass(frozen=True, slots=True)
class Success:
    """The server did what it was asked."""

    mapped_address: Address | None


@dataclass(frozen=True, slots=True)
class Failure:
    """The server will not, or its answer is of no use."""

    reason: FailureReason
    error_code: int | None = None


@dataclass(frozen=True, slots=True)
class Again:
    """The server had a temporary error: ask again later."""


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Another server is to be asked."""

    server: Address
    domain: str | None
    """What its certificate must prove."""


Outcome: TypeAlias = Success | Failure | Again | Elsewhere


def outcome_of(exchange: Exchange, response: Message, now: float, config: ClientConfig) -> Outcome:
    """Tell what to do with a request.

    Args:
        exchange: The request, and what happened to it so far.
        response: Its response, verified if the request carried credentials.
        now: Seconds.
        config: The client's.
    """
    # [rfc8489:6.3/1] Optional attributes that we do not know are not among these.
    if response.unknown_required():
        return Failure(FailureReason.UNKNOWN_ATTRIBUTES)
    if response.message_class is MessageClass.ERROR:
        return _outcome_of_error(exchange, response, now, config)
    mapped = response.get(XorMappedAddress)
    if mapped is None and exchange.method == BINDING:
        return Failure(FailureReason.MALFORMED_RESPONSE)
    return Success(None if mapped is None else mapped.address)


def _outcome_of_error(exchange: Exchange, response: Message, now: float, config: ClientConfig) -> Outcome:
    error = response.get(ErrorCode)
    if error is None:
        return Failure(FailureReason.MALFORMED_RESPONSE)
    if error.code == 300 and config.follow_redirections:
        return _redirection(exchange, response, now)
    # [rfc8489:6.3.4/2] [rfc8489:6.3.4/3] [rfc8489:6.3.4/4]
    if 500 <= error.code <= 599 and exchange.server_error_count < config.max_server_errors:
        return Again()
    # [rfc8489:6.3.4/1] [rfc8489:14.8/10]
    return Failure(FailureReason.ERROR_RESPONSE, error.code)


def _redirection(exchange: Exchange, response: Message, now: float) -> Outcome:
    refused = Failure(FailureReason.REDIRECTION_REFUSED, 300)
    # [rfc8489:14.8/9] Unless the request had a key, nothing was verified.
    if exchange.protection.key is None or len(exchange.visited) >= MAX_REDIRECTIONS:
        return refused
    # [rfc8835:3.4/9]
    targets = (one.address for one in response.get_all(AlternateServer))
    target = next((one for one in targets if one.is_ipv6 == exchange.server.is_ipv6), None)
    asked = [*exchange.visited, (exchange.server, exchange.retransmission.sent_at)]
    # [rfc8489:10/9]
    if target is None or any(server == target and now - at <= REDIRECTION_MEMORY for server, at in asked):
        return refused
    domain = response.get(AlternateDomain)
    # [rfc8489:10/6] [rfc8489:10/8]
    return Elsewhere(target, exchange.domain if domain is None else domain.text)
