"""What an Allocate request asks for (:rfc:`8656#section-7.2`, :rfc:`6062#section-5.1`)."""

from rtc_stun import Message, UnknownAttributes
from rtc_turn.attributes import (
    TCP,
    UDP,
    AdditionalAddressFamily,
    AddressFamily,
    DontFragment,
    EvenPort,
    RequestedAddressFamily,
    RequestedTransport,
    ReservationToken,
)
from rtc_turn.relay_pool import RelayWish
from rtc_turn.server_allocation import ClientPath
from rtc_turn.server_config import TurnServerConfig
from rtc_turn.server_replies import (
    BAD_REQUEST,
    FAMILY_NOT_SUPPORTED,
    UNKNOWN_ATTRIBUTE,
    UNSUPPORTED_TRANSPORT,
    Reply,
)


def no_dont_fragment() -> Reply:
    """Return how a client is told that its datagrams may be cut."""
    return Reply(UNKNOWN_ATTRIBUTE, (UnknownAttributes((DontFragment.TYPE,)),))


def is_blind(path: ClientPath) -> bool:
    """Whether datagrams come in whose own "do not fragment", which counts where they are translated, no socket tells."""
    # [rfc8656:3.7/3]
    return path.stream < 0 and not path.remote.is_ipv6


def read_wish(request: Message, config: TurnServerConfig, path: ClientPath) -> RelayWish | Reply:
    """Return what relays a request asks for, or why it cannot have any, in the order of the RFC's checks.

    Args:
        request: An Allocate request.
        config: That of the server.
        path: How it came.
    """
    is_datagram = path.stream < 0
    transport = request.get(RequestedTransport)
    if transport is None:
        return Reply(BAD_REQUEST)
    # [rfc6062:5.1/1]
    if transport.protocol != UDP and not (transport.protocol == TCP and config.tcp):
        return Reply(UNSUPPORTED_TRANSPORT)
    is_tcp = transport.protocol == TCP
    # [rfc6062:5.1/4] [rfc6062:5.1/5] [rfc6062:5.1/7]
    if is_tcp and (is_datagram or any(request.get(each) for each in (DontFragment, EvenPort, ReservationToken))):
        return Reply(BAD_REQUEST)
    is_whole = request.get(DontFragment) is not None
    if is_whole and not config.dont_fragment:
        return no_dont_fragment()
    token, even = request.get(ReservationToken), request.get(EvenPort)
    requested, additional = request.get(RequestedAddressFamily), request.get(AdditionalAddressFamily)
    if token is not None:
        if even is not None or requested is not None or additional is not None:
            return Reply(BAD_REQUEST)
        return RelayWish(token=token.value, dont_fragment=is_whole)
    if requested is not None and additional is not None:
        return Reply(BAD_REQUEST)
    reserve = even is not None and even.reserve_next
    if additional is not None and (reserve or additional.family != AddressFamily.IPV6):
        return Reply(BAD_REQUEST)
    # [rfc8656:7.2/6]
    families = [AddressFamily.IPV4] if requested is None else [requested.family]
    if additional is not None:
        families.append(AddressFamily.IPV6)
    served = [AddressFamily(family) for family in families if family in config.families]
    # [rfc8656:7.2/4] [rfc8656:7.2/5]
    if not served:
        return Reply(FAMILY_NOT_SUPPORTED)
    if is_whole and AddressFamily.IPV6 in served and is_blind(path):
        return no_dont_fragment()
    # [rfc6062:5.1/2] [rfc6062:5.1/6]
    wish = RelayWish(families=served, even=even is not None, reserve=reserve, tcp=is_tcp)
    wish.failed = {AddressFamily(each): FAMILY_NOT_SUPPORTED for each in families if each not in served}
    return wish
