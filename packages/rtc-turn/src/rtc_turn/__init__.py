"""TURN (RFC 8656) without I/O: relayed addresses where no direct path exists."""

from importlib import import_module
from typing import TYPE_CHECKING, Final

from rtc_turn._version import __version__

if TYPE_CHECKING:
    from rtc_turn.access_token import TokenContents, TokenKey
    from rtc_turn.attributes import (
        TCP,
        TURN_ATTRIBUTES,
        UDP,
        AccessToken,
        AdditionalAddressFamily,
        AddressErrorCode,
        AddressFamily,
        ChannelNumber,
        ConnectionId,
        Data,
        DontFragment,
        EvenPort,
        Icmp,
        Lifetime,
        MobilityTicket,
        RequestedAddressFamily,
        RequestedTransport,
        ReservationToken,
        ThirdPartyAuthorization,
        XorPeerAddress,
        XorRelayedAddress,
    )
    from rtc_turn.authenticators import AnyOf
    from rtc_turn.channel_data import (
        FIRST_CHANNEL,
        LAST_CHANNEL,
        LAST_CHANNEL_OF_RFC5766,
        TurnStreamBuffer,
        is_channel_data,
        pack_channel_data,
        unpack_channel_data,
    )
    from rtc_turn.client import (
        TurnClient,
    )
    from rtc_turn.client_authorization import TokenGrant
    from rtc_turn.client_connections import ClientConnections
    from rtc_turn.config import (
        TurnConfig,
        TurnStats,
    )
    from rtc_turn.errors import (
        BufferFullError,
        ParseError,
        StateError,
        TurnError,
    )
    from rtc_turn.events import (
        Allocated,
        AllocationEnded,
        AllocationMoved,
        ChannelBound,
        DataReceived,
        EndReason,
        Event,
        PeerConnected,
        PeerConnectionFailed,
        PeerDataReceived,
        PeerDisconnected,
        PeerUnreachable,
        PermissionInstalled,
        PermissionRefused,
        TokenWanted,
    )
    from rtc_turn.method import (
        ALLOCATE,
        CHANNEL_BIND,
        CONNECT,
        CONNECTION_ATTEMPT,
        CONNECTION_BIND,
        CREATE_PERMISSION,
        DATA,
        REFRESH,
        SEND,
    )
    from rtc_turn.peer_connections import PeerConnections
    from rtc_turn.peer_policy import PeerPolicy, PublicPeers
    from rtc_turn.server import TurnServer
    from rtc_turn.server_config import TurnServerConfig, TurnServerStats
    from rtc_turn.server_events import (
        AllocationCreated,
        AllocationDeleted,
        AllocationStatus,
        ClosePeerConnection,
        CloseRelay,
        OpenPeerConnection,
        OpenRelay,
        ServerClosed,
        ServerEvent,
    )
    from rtc_turn.time_limited import (
        TimeLimitedUsers,
        time_limited_credential,
        time_limited_password,
    )
    from rtc_turn.token_authenticator import TokenAuthenticator
    from rtc_turn.uri import (
        TurnUri,
    )

__all__ = [
    "ALLOCATE",
    "AccessToken",
    "AdditionalAddressFamily",
    "AddressErrorCode",
    "AddressFamily",
    "Allocated",
    "AllocationCreated",
    "AllocationDeleted",
    "AllocationEnded",
    "AllocationMoved",
    "AllocationStatus",
    "AnyOf",
    "BufferFullError",
    "CHANNEL_BIND",
    "CONNECT",
    "CONNECTION_ATTEMPT",
    "CONNECTION_BIND",
    "CREATE_PERMISSION",
    "ChannelBound",
    "ChannelNumber",
    "ClientConnections",
    "ClosePeerConnection",
    "CloseRelay",
    "ConnectionId",
    "DATA",
    "Data",
    "DataReceived",
    "DontFragment",
    "EndReason",
    "EvenPort",
    "Event",
    "FIRST_CHANNEL",
    "Icmp",
    "LAST_CHANNEL",
    "LAST_CHANNEL_OF_RFC5766",
    "Lifetime",
    "MobilityTicket",
    "OpenPeerConnection",
    "OpenRelay",
    "ParseError",
    "PeerConnected",
    "PeerConnectionFailed",
    "PeerConnections",
    "PeerDataReceived",
    "PeerDisconnected",
    "PeerPolicy",
    "PeerUnreachable",
    "PermissionInstalled",
    "PermissionRefused",
    "PublicPeers",
    "REFRESH",
    "RequestedAddressFamily",
    "RequestedTransport",
    "ReservationToken",
    "SEND",
    "ServerClosed",
    "ServerEvent",
    "StateError",
    "TCP",
    "TURN_ATTRIBUTES",
    "ThirdPartyAuthorization",
    "TimeLimitedUsers",
    "TokenAuthenticator",
    "TokenContents",
    "TokenGrant",
    "TokenKey",
    "TokenWanted",
    "TurnClient",
    "TurnConfig",
    "TurnError",
    "TurnServer",
    "TurnServerConfig",
    "TurnServerStats",
    "TurnStats",
    "TurnStreamBuffer",
    "TurnUri",
    "UDP",
    "XorPeerAddress",
    "XorRelayedAddress",
    "__version__",
    "is_channel_data",
    "pack_channel_data",
    "time_limited_credential",
    "time_limited_password",
    "unpack_channel_data",
]

_DEFINED_IN: Final = {
    "access_token": "TokenContents TokenKey",
    "attributes": "AccessToken AdditionalAddressFamily AddressErrorCode AddressFamily ChannelNumber ConnectionId Data DontFragment EvenPort Icmp Lifetime MobilityTicket RequestedAddressFamily RequestedTransport ReservationToken TCP TURN_ATTRIBUTES ThirdPartyAuthorization UDP XorPeerAddress XorRelayedAddress",
    "authenticators": "AnyOf",
    "channel_data": "FIRST_CHANNEL LAST_CHANNEL LAST_CHANNEL_OF_RFC5766 TurnStreamBuffer is_channel_data pack_channel_data unpack_channel_data",
    "client": "TurnClient",
    "client_authorization": "TokenGrant",
    "client_connections": "ClientConnections",
    "config": "TurnConfig TurnStats",
    "errors": "BufferFullError ParseError StateError TurnError",
    "events": "Allocated AllocationEnded AllocationMoved ChannelBound DataReceived EndReason Event PeerConnected PeerConnectionFailed PeerDataReceived PeerDisconnected PeerUnreachable PermissionInstalled PermissionRefused TokenWanted",
    "method": "ALLOCATE CHANNEL_BIND CONNECT CONNECTION_ATTEMPT CONNECTION_BIND CREATE_PERMISSION DATA REFRESH SEND",
    "peer_connections": "PeerConnections",
    "peer_policy": "PeerPolicy PublicPeers",
    "server": "TurnServer",
    "server_config": "TurnServerConfig TurnServerStats",
    "server_events": "AllocationCreated AllocationDeleted AllocationStatus ClosePeerConnection CloseRelay OpenPeerConnection OpenRelay ServerClosed ServerEvent",
    "time_limited": "TimeLimitedUsers time_limited_credential time_limited_password",
    "token_authenticator": "TokenAuthenticator",
    "uri": "TurnUri",
}
"""Which module defines which public names. It is loaded when one of them is first used: a program pays for what it needs."""

if not TYPE_CHECKING:  # with a `__getattr__` in sight, type checkers would believe in any name

    def __getattr__(name: str) -> object:
        """Load a public name; see :pep:`562` and "Import time" in the notes on architecture."""
        for module, names in _DEFINED_IN.items():
            if name in names.split():
                globals()[name] = getattr(import_module(f"{__name__}.{module}"), name)
                return globals()[name]
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    def __dir__() -> list[str]:
        return __all__
