"""All attributes that have a class.

See the registry of attribute names at IANA, and :rfc:`8866#section-8.2.4`.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from rtc_sdp import datachannel, dtls, grouping, ice, msid, rtcp, rtcp_xr, rtp, sctp, simulcast, source, standard
from rtc_sdp.attribute import TypedAttribute

# [rfc8866:6.1/1] [rfc8866:6.1/2] [rfc8866:6.2/1] [rfc8866:6.2/2] "cat" and "keywds" have no class: obsolete, they
# pass through unread. [rfc8866:5/5] [rfc8866:5.13/3] So does every attribute that is not listed here.
_CLASSES: Final[tuple[type[TypedAttribute], ...]] = (
    ice.Candidate,
    ice.EndOfCandidates,
    ice.IceLite,
    ice.IceMismatch,
    ice.IceOptions,
    ice.IcePacing,
    ice.IcePwd,
    ice.IceUfrag,
    ice.RemoteCandidates,
    dtls.Fingerprint,
    dtls.Setup,
    dtls.TlsId,
    sctp.MaxMessageSize,
    sctp.SctpMap,
    sctp.SctpPort,
    datachannel.Dcmap,
    datachannel.Dcsa,
    grouping.BundleOnly,
    grouping.Group,
    grouping.Mid,
    msid.Msid,
    msid.MsidSemantic,
    rtp.Cryptex,
    rtp.Extmap,
    rtp.ExtmapAllowMixed,
    rtp.Fmtp,
    rtp.ImageAttr,
    rtp.RtcpFb,
    rtp.RtpMap,
    rtcp.Rtcp,
    rtcp.RtcpMux,
    rtcp.RtcpMuxOnly,
    rtcp.RtcpRsize,
    rtcp_xr.RtcpXr,
    source.Ssrc,
    source.SsrcGroup,
    simulcast.Rid,
    simulcast.Simulcast,
    standard.Charset,
    standard.ConferenceType,
    standard.Content,
    standard.Crypto,
    standard.Framerate,
    standard.Identity,
    standard.Label,
    standard.Lang,
    standard.MaxPtime,
    standard.Orient,
    standard.Ptime,
    standard.Quality,
    standard.SdpLang,
    standard.Tool,
)

KNOWN_ATTRIBUTES: Final[Mapping[str, type[TypedAttribute]]] = MappingProxyType({kind.NAME: kind for kind in _CLASSES})
"""The class of every attribute name that has one."""
