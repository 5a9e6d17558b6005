"""STUN (RFC 8489) without I/O: messages, authentication, client and server."""

from importlib import import_module
from typing import TYPE_CHECKING, Final

from rtc_stun._version import __version__

if TYPE_CHECKING:
    from rtc_stun.attribute import (
        FIRST_OPTIONAL_TYPE,
        MAGIC_COOKIE,
        AddressAttribute,
        Attribute,
        AttributeSet,
        BytesAttribute,
        FlagAttribute,
        TextAttribute,
        Uint32Attribute,
        Uint64Attribute,
        UnknownAttribute,
        XorAddressAttribute,
        attribute_set,
    )
    from rtc_stun.attributes import (
        REASON_PHRASES,
        STUN_ATTRIBUTES,
        Algorithm,
        AlternateDomain,
        AlternateServer,
        ErrorCode,
        Fingerprint,
        MappedAddress,
        MessageIntegrity,
        MessageIntegritySha256,
        Nonce,
        PasswordAlgorithm,
        PasswordAlgorithms,
        Realm,
        Software,
        UnknownAttributes,
        UserHash,
        Username,
        XorMappedAddress,
    )
    from rtc_stun.behavior import (
        Behavior,
        BehaviorDiscovered,
        DiscoveryEvent,
        DiscoveryFailed,
        LifetimeDiscovered,
        NatBehavior,
    )
    from rtc_stun.behavior_attributes import (
        BEHAVIOR_ATTRIBUTES,
        ChangeRequest,
        OtherAddress,
        Padding,
        ResponseOrigin,
        ResponsePort,
    )
    from rtc_stun.behavior_discovery import BehaviorDiscovery
    from rtc_stun.behavior_server import AlternateAddresses, BehaviorConfig
    from rtc_stun.binding_lifetime import BindingLifetimeDiscovery
    from rtc_stun.client import StunClient
    from rtc_stun.client_authentication import (
        Credential,
        LongTermCredential,
        SessionKeyCredential,
        ShortTermCredential,
    )
    from rtc_stun.client_config import ClientConfig, ClientStats
    from rtc_stun.credentials import long_term_key, short_term_key, userhash
    from rtc_stun.datagram import Address, Datagram, MarkedAddress, pack_host, unpack_host
    from rtc_stun.discovery import Discovery
    from rtc_stun.errors import (
        FingerprintError,
        IntegrityError,
        ParseError,
        StateError,
        StunError,
        UnsupportedFamilyError,
    )
    from rtc_stun.events import (
        ClientEvent,
        Closed,
        FailureReason,
        IndicationReceived,
        RequestFailed,
        RequestRedirected,
        RequestSucceeded,
        ServerEvent,
    )
    from rtc_stun.ice_attributes import (
        ICE_ATTRIBUTES,
        GoogNetworkInfo,
        GoogNomination,
        IceControlled,
        IceControlling,
        Priority,
        UseCandidate,
    )
    from rtc_stun.journal import Trace
    from rtc_stun.message import BINDING, HEADER_LENGTH, Integrity, Message, MessageClass, is_stun
    from rtc_stun.nonce import NonceMint, SecurityFeature, nonce_cookie, security_features
    from rtc_stun.precis import opaque_string
    from rtc_stun.probing import DISCOVERY_CLIENT
    from rtc_stun.retransmission import Retransmission
    from rtc_stun.rto import RtoCache
    from rtc_stun.sasl_preparation import saslprep
    from rtc_stun.server import Redirection, ServerConfig, ServerStats, StunServer
    from rtc_stun.server_authentication import (
        Authenticated,
        Authenticator,
        LongTermAuthenticator,
        ShortTermAuthenticator,
        Unauthenticated,
    )
    from rtc_stun.stream import StreamBuffer
    from rtc_stun.uri import StunUri
    from rtc_stun.users import LongTermUsers, User, UserDirectory
    from rtc_stun.wishes import CloseTransport, OpenTransport, StreamData

__all__ = [
    "Address",
    "AddressAttribute",
    "Algorithm",
    "AlternateAddresses",
    "AlternateDomain",
    "AlternateServer",
    "Attribute",
    "AttributeSet",
    "Authenticated",
    "Authenticator",
    "BEHAVIOR_ATTRIBUTES",
    "BINDING",
    "Behavior",
    "BehaviorConfig",
    "BehaviorDiscovered",
    "BehaviorDiscovery",
    "BindingLifetimeDiscovery",
    "BytesAttribute",
    "ChangeRequest",
    "ClientConfig",
    "ClientEvent",
    "ClientStats",
    "CloseTransport",
    "Closed",
    "Credential",
    "DISCOVERY_CLIENT",
    "Datagram",
    "Discovery",
    "DiscoveryEvent",
    "DiscoveryFailed",
    "ErrorCode",
    "FIRST_OPTIONAL_TYPE",
    "FailureReason",
    "Fingerprint",
    "FingerprintError",
    "FlagAttribute",
    "GoogNetworkInfo",
    "GoogNomination",
    "HEADER_LENGTH",
    "ICE_ATTRIBUTES",
    "IceControlled",
    "IceControlling",
    "IndicationReceived",
    "Integrity",
    "IntegrityError",
    "LifetimeDiscovered",
    "LongTermAuthenticator",
    "LongTermCredential",
    "LongTermUsers",
    "MAGIC_COOKIE",
    "MappedAddress",
    "MarkedAddress",
    "Message",
    "MessageClass",
    "MessageIntegrity",
    "MessageIntegritySha256",
    "NatBehavior",
    "Nonce",
    "NonceMint",
    "OpenTransport",
    "OtherAddress",
    "Padding",
    "ParseError",
    "PasswordAlgorithm",
    "PasswordAlgorithms",
    "Priority",
    "REASON_PHRASES",
    "Realm",
    "Redirection",
    "RequestFailed",
    "RequestRedirected",
    "RequestSucceeded",
    "ResponseOrigin",
    "ResponsePort",
    "Retransmission",
    "RtoCache",
    "STUN_ATTRIBUTES",
    "SecurityFeature",
    "ServerConfig",
    "ServerEvent",
    "ServerStats",
    "SessionKeyCredential",
    "ShortTermAuthenticator",
    "ShortTermCredential",
    "Software",
    "StateError",
    "StreamBuffer",
    "StreamData",
    "StunClient",
    "StunError",
    "StunServer",
    "StunUri",
    "TextAttribute",
    "Trace",
    "Uint32Attribute",
    "Uint64Attribute",
    "Unauthenticated",
    "UnknownAttribute",
    "UnknownAttributes",
    "UnsupportedFamilyError",
    "UseCandidate",
    "User",
    "UserDirectory",
    "UserHash",
    "Username",
    "XorAddressAttribute",
    "XorMappedAddress",
    "__version__",
    "attribute_set",
    "is_stun",
    "long_term_key",
    "nonce_cookie",
    "opaque_string",
    "pack_host",
    "saslprep",
    "security_features",
    "short_term_key",
    "unpack_host",
    "userhash",
]

_DEFINED_IN: Final = {
    "attribute": "FIRST_OPTIONAL_TYPE MAGIC_COOKIE AddressAttribute Attribute AttributeSet BytesAttribute FlagAttribute TextAttribute Uint32Attribute Uint64Attribute UnknownAttribute XorAddressAttribute attribute_set",
    "attributes": "REASON_PHRASES STUN_ATTRIBUTES Algorithm AlternateDomain AlternateServer ErrorCode Fingerprint MappedAddress MessageIntegrity MessageIntegritySha256 Nonce PasswordAlgorithm PasswordAlgorithms Realm Software UnknownAttributes UserHash Username XorMappedAddress",
    "behavior": "Behavior BehaviorDiscovered DiscoveryEvent DiscoveryFailed LifetimeDiscovered NatBehavior",
    "behavior_attributes": "BEHAVIOR_ATTRIBUTES ChangeRequest OtherAddress Padding ResponseOrigin ResponsePort",
    "behavior_discovery": "BehaviorDiscovery",
    "behavior_server": "AlternateAddresses BehaviorConfig",
    "binding_lifetime": "BindingLifetimeDiscovery",
    "client": "StunClient",
    "client_authentication": "Credential LongTermCredential SessionKeyCredential ShortTermCredential",
    "client_config": "ClientConfig ClientStats",
    "credentials": "long_term_key short_term_key userhash",
    "datagram": "Address Datagram MarkedAddress pack_host unpack_host",
    "discovery": "Discovery",
    "errors": "FingerprintError IntegrityError ParseError StateError StunError UnsupportedFamilyError",
    "events": "ClientEvent Closed FailureReason IndicationReceived RequestFailed RequestRedirected RequestSucceeded ServerEvent",
    "ice_attributes": "ICE_ATTRIBUTES GoogNetworkInfo GoogNomination IceControlled IceControlling Priority UseCandidate",
    "journal": "Trace",
    "message": "BINDING HEADER_LENGTH Integrity Message MessageClass is_stun",
    "nonce": "NonceMint SecurityFeature nonce_cookie security_features",
    "precis": "opaque_string",
    "probing": "DISCOVERY_CLIENT",
    "retransmission": "Retransmission",
    "rto": "RtoCache",
    "sasl_preparation": "saslprep",
    "server": "Redirection ServerConfig ServerStats StunServer",
    "server_authentication": "Authenticated Authenticator LongTermAuthenticator ShortTermAuthenticator Unauthenticated",
    "stream": "StreamBuffer",
    "uri": "StunUri",
    "users": "LongTermUsers User UserDirectory",
    "wishes": "CloseTransport OpenTransport StreamData",
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
