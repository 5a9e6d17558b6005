"""Where a 300 (Try Alternate) leads (:rfc:`8489#section-10`)."""

from typing import Final

from rtc_stun.attributes import AlternateServer
from rtc_stun.datagram import Address
from rtc_stun.exchange import Exchange
from rtc_stun.message import Message

MAX_REDIRECTIONS: Final = 8
MEMORY: Final = 300.0
"""Seconds for which a server that the request was sent to is not tried again."""


def alternate_server(exchange: Exchange, response: Message, now: float) -> Address | None:
    """Return the server that a 300 names and that may be asked, or None.

    Args:
        exchange: What was asked, and where so far.
        response: The 300, verified if the request carried credentials.
        now: Seconds.
    """
    # [rfc8489:14.8/9] Unless the request had a key, nothing was verified.
    if exchange.protection.key is None or len(exchange.visited) >= MAX_REDIRECTIONS:
        return None
    targets = (one.address for one in response.get_all(AlternateServer))
    target = next((one for one in targets if one.is_ipv6 == exchange.server.is_ipv6), None)
    asked = [*exchange.visited, (exchange.server, exchange.retransmission.sent_at)]
    # [rfc8489:10/9]
    if any(server == target and now - sent_at <= MEMORY for server, sent_at in asked):
        return None
    return target
