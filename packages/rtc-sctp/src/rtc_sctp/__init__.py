"""SCTP (RFC 9260) without I/O: the association behind WebRTC data channels, and every chunk on the wire."""

from importlib import import_module
from typing import TYPE_CHECKING, Final

from rtc_sctp._version import __version__

if TYPE_CHECKING:
    from rtc_sctp.association import Association
    from rtc_sctp.causes import (
        CAUSES,
        Cause,
        CookieReceivedWhileShuttingDown,
        InvalidMandatoryParameter,
        InvalidStreamIdentifier,
        KnownCause,
        MissingMandatoryParameter,
        NoUserData,
        OutOfResource,
        ProtocolViolation,
        RestartWithNewAddresses,
        StaleCookie,
        UnknownCause,
        UnrecognizedChunkType,
        UnrecognizedParameters,
        UnresolvableAddress,
        UserInitiatedAbort,
        parse_causes,
    )
    from rtc_sctp.checksum import (
        crc32c,
    )
    from rtc_sctp.chunks import (
        CHUNKS,
        DATA_HEADER_LENGTH,
        FLAG_BEGINNING,
        FLAG_ENDING,
        FLAG_IMMEDIATE,
        FLAG_REFLECTED_TAG,
        FLAG_UNORDERED,
        FORWARD_TSN_ENTRY_LENGTH,
        FORWARD_TSN_LENGTH,
        I_DATA_HEADER_LENGTH,
        I_FORWARD_TSN_ENTRY_LENGTH,
        MINIMUM_A_RWND,
        PARTIAL_CHUNK,
        SACK_ENTRY_LENGTH,
        SACK_LENGTH,
        AbortChunk,
        Chunk,
        CookieAckChunk,
        CookieEchoChunk,
        DataChunk,
        ErrorChunk,
        ForwardTsnChunk,
        HeartbeatAckChunk,
        HeartbeatChunk,
        IDataChunk,
        IForwardTsnChunk,
        InitAckChunk,
        InitChunk,
        KnownChunk,
        PadChunk,
        ReconfigChunk,
        SackChunk,
        ShutdownAckChunk,
        ShutdownChunk,
        ShutdownCompleteChunk,
        UnknownChunk,
        parse_chunk,
    )
    from rtc_sctp.config import MAX_STREAMS, AssociationConfig, SchedulerKind
    from rtc_sctp.context import Trace
    from rtc_sctp.cookie import (
        COOKIE_LIFE,
        KEY_LIFE,
        MAXIMUM_LIFE,
        CookieContents,
        CookieError,
        CookieJar,
        ForgedCookieError,
        StaleCookieError,
    )
    from rtc_sctp.errors import (
        BufferFullError,
        ChecksumError,
        ParseError,
        SctpError,
        StateError,
    )
    from rtc_sctp.events import (
        AssociationClosed,
        AssociationEstablished,
        AssociationFailed,
        AssociationReset,
        AssociationResetFailed,
        BufferedAmountLow,
        CloseReason,
        Event,
        IncomingStreamsReset,
        IncomingStreamsResetFailed,
        MessageAbandoned,
        MessageReceived,
        OutgoingStreamsReset,
        PartialReliabilityLost,
        PeerErrorReceived,
        PeerRestarted,
        StreamsAdded,
        StreamsAddFailed,
        StreamsResetFailed,
    )
    from rtc_sctp.packet import (
        PACKET_HEADER_LENGTH,
        Packet,
        parse_header,
        split_chunks,
        verify_checksum,
    )
    from rtc_sctp.parameter import (
        KnownParameter,
        Parameter,
        UnknownParameter,
    )
    from rtc_sctp.parameters import (
        DTLS_EDMID,
        PARAMETERS,
        CookiePreservative,
        ForwardTsnSupported,
        HeartbeatInfo,
        HostNameAddress,
        Ipv4Address,
        Ipv6Address,
        StateCookie,
        SupportedAddressTypes,
        SupportedExtensions,
        UnrecognizedParameter,
        ZeroChecksumAcceptable,
        parameters_to_report,
        parse_parameters,
    )
    from rtc_sctp.reconfiguration import (
        AddIncomingStreams,
        AddOutgoingStreams,
        IncomingSsnResetRequest,
        OutgoingSsnResetRequest,
        ReconfigurationResponse,
        ReconfigurationResult,
        SsnTsnResetRequest,
    )
    from rtc_sctp.state import AssociationState
    from rtc_sctp.stats import AssociationStats

__all__ = [
    "AbortChunk",
    "AddIncomingStreams",
    "AddOutgoingStreams",
    "Association",
    "AssociationClosed",
    "AssociationConfig",
    "AssociationEstablished",
    "AssociationFailed",
    "AssociationReset",
    "AssociationResetFailed",
    "AssociationState",
    "AssociationStats",
    "BufferFullError",
    "BufferedAmountLow",
    "CAUSES",
    "CHUNKS",
    "COOKIE_LIFE",
    "Cause",
    "ChecksumError",
    "Chunk",
    "CloseReason",
    "CookieAckChunk",
    "CookieContents",
    "CookieEchoChunk",
    "CookieError",
    "CookieJar",
    "CookiePreservative",
    "CookieReceivedWhileShuttingDown",
    "DATA_HEADER_LENGTH",
    "DTLS_EDMID",
    "DataChunk",
    "ErrorChunk",
    "Event",
    "FLAG_BEGINNING",
    "FLAG_ENDING",
    "FLAG_IMMEDIATE",
    "FLAG_REFLECTED_TAG",
    "FLAG_UNORDERED",
    "FORWARD_TSN_ENTRY_LENGTH",
    "FORWARD_TSN_LENGTH",
    "ForgedCookieError",
    "ForwardTsnChunk",
    "ForwardTsnSupported",
    "HeartbeatAckChunk",
    "HeartbeatChunk",
    "HeartbeatInfo",
    "HostNameAddress",
    "IDataChunk",
    "IForwardTsnChunk",
    "I_DATA_HEADER_LENGTH",
    "I_FORWARD_TSN_ENTRY_LENGTH",
    "IncomingSsnResetRequest",
    "IncomingStreamsReset",
    "IncomingStreamsResetFailed",
    "InitAckChunk",
    "InitChunk",
    "InvalidMandatoryParameter",
    "InvalidStreamIdentifier",
    "Ipv4Address",
    "Ipv6Address",
    "KEY_LIFE",
    "KnownCause",
    "KnownChunk",
    "KnownParameter",
    "MAXIMUM_LIFE",
    "MAX_STREAMS",
    "MINIMUM_A_RWND",
    "MessageAbandoned",
    "MessageReceived",
    "MissingMandatoryParameter",
    "NoUserData",
    "OutOfResource",
    "OutgoingSsnResetRequest",
    "OutgoingStreamsReset",
    "PACKET_HEADER_LENGTH",
    "PARAMETERS",
    "PARTIAL_CHUNK",
    "Packet",
    "PadChunk",
    "Parameter",
    "ParseError",
    "PartialReliabilityLost",
    "PeerErrorReceived",
    "PeerRestarted",
    "ProtocolViolation",
    "ReconfigChunk",
    "ReconfigurationResponse",
    "ReconfigurationResult",
    "RestartWithNewAddresses",
    "SACK_ENTRY_LENGTH",
    "SACK_LENGTH",
    "SackChunk",
    "SchedulerKind",
    "SctpError",
    "ShutdownAckChunk",
    "ShutdownChunk",
    "ShutdownCompleteChunk",
    "SsnTsnResetRequest",
    "StaleCookie",
    "StaleCookieError",
    "StateCookie",
    "StateError",
    "StreamsAddFailed",
    "StreamsAdded",
    "StreamsResetFailed",
    "SupportedAddressTypes",
    "SupportedExtensions",
    "Trace",
    "UnknownCause",
    "UnknownChunk",
    "UnknownParameter",
    "UnrecognizedChunkType",
    "UnrecognizedParameter",
    "UnrecognizedParameters",
    "UnresolvableAddress",
    "UserInitiatedAbort",
    "ZeroChecksumAcceptable",
    "__version__",
    "crc32c",
    "parameters_to_report",
    "parse_causes",
    "parse_chunk",
    "parse_header",
    "parse_parameters",
    "split_chunks",
    "verify_checksum",
]

_DEFINED_IN: Final = {
    "association": "Association",
    "causes": (
        "CAUSES Cause CookieReceivedWhileShuttingDown InvalidMandatoryParameter InvalidStreamIdentifier "
        "KnownCause MissingMandatoryParameter NoUserData OutOfResource ProtocolViolation RestartWithNewAddresses "
        "StaleCookie UnknownCause UnrecognizedChunkType UnrecognizedParameters UnresolvableAddress "
        "UserInitiatedAbort parse_causes"
    ),
    "checksum": "crc32c",
    "chunks": (
        "AbortChunk CHUNKS Chunk CookieAckChunk CookieEchoChunk DATA_HEADER_LENGTH DataChunk ErrorChunk "
        "FLAG_BEGINNING FLAG_ENDING FLAG_IMMEDIATE FLAG_REFLECTED_TAG FLAG_UNORDERED FORWARD_TSN_ENTRY_LENGTH "
        "FORWARD_TSN_LENGTH ForwardTsnChunk HeartbeatAckChunk HeartbeatChunk IDataChunk IForwardTsnChunk "
        "I_DATA_HEADER_LENGTH I_FORWARD_TSN_ENTRY_LENGTH InitAckChunk InitChunk KnownChunk MINIMUM_A_RWND "
        "PARTIAL_CHUNK PadChunk ReconfigChunk SACK_ENTRY_LENGTH SACK_LENGTH SackChunk ShutdownAckChunk "
        "ShutdownChunk ShutdownCompleteChunk UnknownChunk parse_chunk"
    ),
    "config": "AssociationConfig MAX_STREAMS SchedulerKind",
    "context": "Trace",
    "cookie": (
        "COOKIE_LIFE CookieContents CookieError CookieJar ForgedCookieError KEY_LIFE MAXIMUM_LIFE StaleCookieError"
    ),
    "errors": "BufferFullError ChecksumError ParseError SctpError StateError",
    "events": (
        "AssociationClosed AssociationEstablished AssociationFailed AssociationReset AssociationResetFailed "
        "BufferedAmountLow CloseReason Event IncomingStreamsReset IncomingStreamsResetFailed MessageAbandoned "
        "MessageReceived OutgoingStreamsReset PartialReliabilityLost PeerErrorReceived PeerRestarted "
        "StreamsAddFailed StreamsAdded StreamsResetFailed"
    ),
    "packet": "PACKET_HEADER_LENGTH Packet parse_header split_chunks verify_checksum",
    "parameter": "KnownParameter Parameter UnknownParameter",
    "parameters": (
        "CookiePreservative DTLS_EDMID ForwardTsnSupported HeartbeatInfo HostNameAddress Ipv4Address Ipv6Address "
        "PARAMETERS StateCookie SupportedAddressTypes SupportedExtensions UnrecognizedParameter "
        "ZeroChecksumAcceptable parameters_to_report parse_parameters"
    ),
    "reconfiguration": (
        "AddIncomingStreams AddOutgoingStreams IncomingSsnResetRequest OutgoingSsnResetRequest "
        "ReconfigurationResponse ReconfigurationResult SsnTsnResetRequest"
    ),
    "state": "AssociationState",
    "stats": "AssociationStats",
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
