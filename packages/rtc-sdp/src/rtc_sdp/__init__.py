"""Session descriptions (SDP): parse any, ask it questions, change it, write it back byte for byte.

Start with `SessionDescription`. See :rfc:`8866`.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Final

from rtc_sdp._version import __version__

if TYPE_CHECKING:
    from rtc_sdp.answer_check import check_answer
    from rtc_sdp.attribute import Attribute, Flag, Scope, Text, TypedAttribute
    from rtc_sdp.bundle import BUNDLE_ATTRIBUTES, Bundles, answer_group, select_tagged
    from rtc_sdp.bundle_check import MID_EXTENSION
    from rtc_sdp.datachannel import Dcmap, Dcsa, usable_dcsas
    from rtc_sdp.description_check import check_description
    from rtc_sdp.direction import Direction, answer_direction
    from rtc_sdp.document import Document
    from rtc_sdp.dtls import HASH_LENGTHS, Fingerprint, Role, Setup, TlsId, answer_role, preferred_fingerprints
    from rtc_sdp.errors import DescriptionError, ParseError, Problem, SdpError
    from rtc_sdp.fields import Bandwidth, Connection, MediaField, Origin
    from rtc_sdp.formats import (
        STATIC_PAYLOAD_TYPES,
        FormatMatch,
        SameParameters,
        any_parameters,
        format_parameters,
        match_formats,
        rtpmaps,
    )
    from rtc_sdp.fragment import PSEUDO_MEDIA_FIELD, TRICKLE_MEDIA_TYPE, TrickleFragment
    from rtc_sdp.grammar import Value
    from rtc_sdp.grouping import BUNDLE, BundleOnly, Group, Mid
    from rtc_sdp.ice import (
        DEFAULT_PACING_MS,
        DISCARD_PORT,
        Candidate,
        EndOfCandidates,
        IceLite,
        IceMismatch,
        IceOptions,
        IcePacing,
        IcePwd,
        IceUfrag,
        RemoteCandidate,
        RemoteCandidates,
    )
    from rtc_sdp.limits import Limits
    from rtc_sdp.line import Line
    from rtc_sdp.media import MediaDescription
    from rtc_sdp.msid import NO_STREAM, Msid, MsidSemantic, usable_msids
    from rtc_sdp.offer_answer import answer_media, next_origin, reject, start_answer
    from rtc_sdp.offer_check import check_offer
    from rtc_sdp.registry import KNOWN_ATTRIBUTES
    from rtc_sdp.restrictions import (
        RESTRICTIONS,
        agreed_rids,
        answer_rids,
        answer_simulcast,
        narrow_simulcast,
        usable_rids,
        usable_simulcast,
    )
    from rtc_sdp.rtcp import Rtcp, RtcpMux, RtcpMuxOnly, RtcpRsize
    from rtc_sdp.rtcp_xr import (
        DUPLICATE_TRACE,
        LOSS_TRACE,
        RECEIPT_TIMES,
        ROUND_TRIP,
        STATISTICS,
        VOIP_METRICS,
        RoundTripMode,
        RtcpXr,
        XrFormat,
    )
    from rtc_sdp.rtp import (
        ALL_FORMATS,
        ENCRYPTED_EXTENSION,
        Cryptex,
        Extmap,
        ExtmapAllowMixed,
        Fmtp,
        ImageAttr,
        RtcpFb,
        RtpMap,
    )
    from rtc_sdp.sctp import (
        DEFAULT_MAX_MESSAGE_SIZE,
        WEBRTC_DATACHANNEL,
        MaxMessageSize,
        SctpMap,
        SctpPort,
        data_section,
        is_data_section,
        max_message_size_of,
        sctp_port_of,
    )
    from rtc_sdp.section import Section
    from rtc_sdp.session import SessionDescription
    from rtc_sdp.simulcast import Rid, RidDirection, Simulcast, SimulcastFormat, SimulcastStream
    from rtc_sdp.source import Ssrc, SsrcGroup
    from rtc_sdp.standard import (
        Charset,
        ConferenceType,
        Content,
        Crypto,
        Framerate,
        Identity,
        Label,
        Lang,
        MaxPtime,
        Orient,
        Ptime,
        Quality,
        SdpLang,
        Tool,
    )
    from rtc_sdp.timing import UNIX_EPOCH, Repeat, TimeDescription, ZoneAdjustments

__all__ = [
    "ALL_FORMATS",
    "Attribute",
    "BUNDLE",
    "BUNDLE_ATTRIBUTES",
    "Bandwidth",
    "BundleOnly",
    "Bundles",
    "Candidate",
    "Charset",
    "ConferenceType",
    "Connection",
    "Content",
    "Cryptex",
    "Crypto",
    "DEFAULT_MAX_MESSAGE_SIZE",
    "DEFAULT_PACING_MS",
    "DISCARD_PORT",
    "DUPLICATE_TRACE",
    "Dcmap",
    "Dcsa",
    "DescriptionError",
    "Direction",
    "Document",
    "ENCRYPTED_EXTENSION",
    "EndOfCandidates",
    "Extmap",
    "ExtmapAllowMixed",
    "Fingerprint",
    "Flag",
    "Fmtp",
    "FormatMatch",
    "Framerate",
    "Group",
    "HASH_LENGTHS",
    "IceLite",
    "IceMismatch",
    "IceOptions",
    "IcePacing",
    "IcePwd",
    "IceUfrag",
    "Identity",
    "ImageAttr",
    "KNOWN_ATTRIBUTES",
    "LOSS_TRACE",
    "Label",
    "Lang",
    "Limits",
    "Line",
    "MID_EXTENSION",
    "MaxMessageSize",
    "MaxPtime",
    "MediaDescription",
    "MediaField",
    "Mid",
    "Msid",
    "MsidSemantic",
    "NO_STREAM",
    "Orient",
    "Origin",
    "PSEUDO_MEDIA_FIELD",
    "ParseError",
    "Problem",
    "Ptime",
    "Quality",
    "RECEIPT_TIMES",
    "RESTRICTIONS",
    "ROUND_TRIP",
    "RemoteCandidate",
    "RemoteCandidates",
    "Repeat",
    "Rid",
    "RidDirection",
    "Role",
    "RoundTripMode",
    "Rtcp",
    "RtcpFb",
    "RtcpMux",
    "RtcpMuxOnly",
    "RtcpRsize",
    "RtcpXr",
    "RtpMap",
    "STATIC_PAYLOAD_TYPES",
    "STATISTICS",
    "SameParameters",
    "Scope",
    "SctpMap",
    "SctpPort",
    "SdpError",
    "SdpLang",
    "Section",
    "SessionDescription",
    "Setup",
    "Simulcast",
    "SimulcastFormat",
    "SimulcastStream",
    "Ssrc",
    "SsrcGroup",
    "TRICKLE_MEDIA_TYPE",
    "Text",
    "TimeDescription",
    "TlsId",
    "Tool",
    "TrickleFragment",
    "TypedAttribute",
    "UNIX_EPOCH",
    "VOIP_METRICS",
    "Value",
    "WEBRTC_DATACHANNEL",
    "XrFormat",
    "ZoneAdjustments",
    "__version__",
    "agreed_rids",
    "answer_direction",
    "answer_group",
    "answer_media",
    "answer_rids",
    "answer_role",
    "answer_simulcast",
    "any_parameters",
    "check_answer",
    "check_description",
    "check_offer",
    "data_section",
    "format_parameters",
    "is_data_section",
    "match_formats",
    "max_message_size_of",
    "narrow_simulcast",
    "next_origin",
    "preferred_fingerprints",
    "reject",
    "rtpmaps",
    "sctp_port_of",
    "select_tagged",
    "start_answer",
    "usable_dcsas",
    "usable_msids",
    "usable_rids",
    "usable_simulcast",
]

_DEFINED_IN: Final = {
    "answer_check": "check_answer",
    "attribute": "Attribute Flag Scope Text TypedAttribute",
    "bundle": "BUNDLE_ATTRIBUTES Bundles answer_group select_tagged",
    "bundle_check": "MID_EXTENSION",
    "datachannel": "Dcmap Dcsa usable_dcsas",
    "description_check": "check_description",
    "direction": "Direction answer_direction",
    "document": "Document",
    "dtls": "HASH_LENGTHS Fingerprint Role Setup TlsId answer_role preferred_fingerprints",
    "errors": "DescriptionError ParseError Problem SdpError",
    "fields": "Bandwidth Connection MediaField Origin",
    "formats": "STATIC_PAYLOAD_TYPES FormatMatch SameParameters any_parameters format_parameters match_formats rtpmaps",
    "fragment": "PSEUDO_MEDIA_FIELD TRICKLE_MEDIA_TYPE TrickleFragment",
    "grammar": "Value",
    "grouping": "BUNDLE BundleOnly Group Mid",
    "ice": (
        "DEFAULT_PACING_MS DISCARD_PORT Candidate EndOfCandidates IceLite IceMismatch IceOptions IcePacing IcePwd IceUfrag "
        "RemoteCandidate RemoteCandidates"
    ),
    "limits": "Limits",
    "line": "Line",
    "media": "MediaDescription",
    "msid": "NO_STREAM Msid MsidSemantic usable_msids",
    "offer_answer": "answer_media next_origin reject start_answer",
    "offer_check": "check_offer",
    "registry": "KNOWN_ATTRIBUTES",
    "restrictions": (
        "RESTRICTIONS agreed_rids answer_rids answer_simulcast narrow_simulcast usable_rids usable_simulcast"
    ),
    "rtcp": "Rtcp RtcpMux RtcpMuxOnly RtcpRsize",
    "rtcp_xr": (
        "DUPLICATE_TRACE LOSS_TRACE RECEIPT_TIMES ROUND_TRIP STATISTICS VOIP_METRICS RoundTripMode RtcpXr XrFormat"
    ),
    "rtp": "ALL_FORMATS ENCRYPTED_EXTENSION Cryptex Extmap ExtmapAllowMixed Fmtp ImageAttr RtcpFb RtpMap",
    "sctp": (
        "DEFAULT_MAX_MESSAGE_SIZE WEBRTC_DATACHANNEL MaxMessageSize SctpMap SctpPort data_section "
        "is_data_section max_message_size_of sctp_port_of"
    ),
    "section": "Section",
    "session": "SessionDescription",
    "simulcast": "Rid RidDirection Simulcast SimulcastFormat SimulcastStream",
    "source": "Ssrc SsrcGroup",
    "standard": (
        "Charset ConferenceType Content Crypto Framerate Identity Label Lang MaxPtime Orient Ptime Quality SdpLang Tool"
    ),
    "timing": "UNIX_EPOCH Repeat TimeDescription ZoneAdjustments",
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
