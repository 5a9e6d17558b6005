"""The rules for the encodings of a sender: what `addTransceiver` and `setParameters` accept (WebRTC 1.0, sections 5.1 and 5.2)."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from .data_channel import PRIORITIES
from .dictionaries import converted
from .errors import DOMException, InvalidModificationError, OperationError
from .rtp_codecs import codecs_match
from .rtp_dictionaries import (
    RTCResolutionRestriction,
    RTCRtpCodec,
    RTCRtpEncodingParameters,
    RTCRtpSendParameters,
)
from .scalability import Scalability, is_simulcast

if TYPE_CHECKING:
    from .tracks import MediaKind

MAX_ENCODINGS: Final = {"audio": 1, "video": 8}
"""Encodings of one track that can be sent side by side; further ones are left out."""

# Letters, digits, "-" and "_", 255 of them at most (RFC 8851 section 10).
_RID: Final = re.compile(r"[A-Za-z0-9_-]{1,255}")


def initial_encodings(
    given: Sequence[RTCRtpEncodingParameters | Mapping[str, object]],
    kind: "MediaKind",
    codecs: Sequence[RTCRtpCodec],
    scalability: Scalability,
) -> list[RTCRtpEncodingParameters]:
    """Check what `addTransceiver` was given, and complete it.

    Args:
        given: `sendEncodings`.
        kind: Of the transceiver.
        codecs: What could be negotiated.
        scalability: The modes that can be made.

    Raises:
        TypeError: A `rid` is malformed, twice there, or missing beside others.
        InvalidAccessError: Something is given that only the connection sets.
        OperationError: A codec is not among the capabilities, a scalability mode is not known, or sizes are given for some
            encodings only.
        ValueError: A number is out of range; a RangeError on the Web.
    """
    encodings = [replace(converted(RTCRtpEncodingParameters, each)) for each in given]
    rids = [each.rid for each in encodings]
    named = [rid for rid in rids if rid is not None]
    if any(not _RID.fullmatch(rid) for rid in named):
        raise TypeError("a rid has 1 to 255 letters, digits, '-' and '_'")
    if named and len(named) != len(rids):
        raise TypeError("either all encodings have a rid, or none")
    if len(set(named)) != len(named):
        raise TypeError("each encoding has a rid of its own")
    if len(rids) > 1 and not named:
        raise TypeError("several encodings are told apart by their rid")
    for encoding in encodings:
        if encoding.codec is not None and not _has_codec(encoding, codecs, ignore_asymmetrical_parameters=False):
            raise OperationError("the codec of an encoding is not among the capabilities")
        if kind == "video" and encoding.maxFramerate is not None and not encoding.maxFramerate > 0.0:
            raise ValueError("maxFramerate is more than 0")
    _check_modes(encodings, codecs, scalability, OperationError)
    _check_sole_simulcast(encodings, OperationError)
    _check_sizes(encodings, OperationError)
    encodings = _of_kind(encodings, kind)[: MAX_ENCODINGS[kind]]
    if kind == "video":
        _complete_scale(encodings)
    if len(encodings) == 1:
        encodings[0].rid = None
    return encodings or [RTCRtpEncodingParameters(scaleResolutionDownBy=1.0 if kind == "video" else None)]


def changed_encodings(
    parameters: RTCRtpSendParameters,
    last: RTCRtpSendParameters,
    kind: "MediaKind",
    codecs: Sequence[RTCRtpCodec],
    scalability: Scalability,
) -> list[RTCRtpEncodingParameters]:
    """Check what `setParameters` was given, and complete it.

    Args:
        parameters: The argument.
        last: What `getParameters` returned.
        kind: Of the transceiver.
        codecs: Those negotiated, or all if none are yet.
        scalability: The modes that can be made.

    Raises:
        InvalidModificationError: Something was changed that must stay, or contradicts something else.
        ValueError: A number is out of range; a RangeError on the Web.
    """
    encodings = [replace(converted(RTCRtpEncodingParameters, each)) for each in parameters.encodings]
    if [each.rid for each in encodings] != [each.rid for each in last.encodings]:
        raise InvalidModificationError("encodings keep their number, order and rid")
    fixed = ("transactionId", "headerExtensions", "rtcp", "codecs")
    changed = [name for name in fixed if getattr(parameters, name) != getattr(last, name)]
    if changed:
        raise InvalidModificationError(f"{', '.join(changed)} cannot be changed")
    for encoding in encodings:
        if encoding.codec is not None and not _has_codec(encoding, codecs, ignore_asymmetrical_parameters=True):
            raise InvalidModificationError("the codec of an encoding was not negotiated")
        if encoding.adaptivePtime and encoding.ptime is not None:
            raise InvalidModificationError("ptime and adaptivePtime exclude each other")
    # Before a negotiation any codec may come to be used, afterwards the first one is.
    usable = last.codecs[:1] or codecs
    before = {each.rid: each.scalabilityMode for each in last.encodings}
    changed_modes = [each for each in encodings if each.scalabilityMode != before[each.rid]]
    _check_modes(changed_modes, usable, scalability, InvalidModificationError)
    _check_sole_simulcast(encodings, InvalidModificationError)
    _check_sizes(encodings, InvalidModificationError)
    encodings = _of_kind(encodings, kind)
    if kind == "video":
        for encoding in encodings:
            if encoding.scaleResolutionDownBy is None:
                encoding.scaleResolutionDownBy = 1.0
    return encodings


def _has_codec(
    encoding: RTCRtpEncodingParameters, codecs: Sequence[RTCRtpCodec], *, ignore_asymmetrical_parameters: bool
) -> bool:
    wanted = converted(RTCRtpCodec, encoding.codec)
    return any(
        codecs_match(wanted, each, ignore_asymmetrical_parameters=ignore_asymmetrical_parameters) for each in codecs
    )


def _of_kind(encodings: list[RTCRtpEncodingParameters], kind: "MediaKind") -> list[RTCRtpEncodingParameters]:
    """Check numbers, and leave out what is for pictures alone."""
    for encoding in encodings:
        if encoding.priority not in PRIORITIES:
            raise TypeError(f"priority is one of {', '.join(PRIORITIES)}, not {encoding.priority!r}")
        if kind == "audio":
            encoding.scaleResolutionDownBy = encoding.maxFramerate = encoding.scaleResolutionDownTo = None
        if encoding.scaleResolutionDownBy is not None and not encoding.scaleResolutionDownBy >= 1.0:
            raise ValueError("scaleResolutionDownBy is 1.0 or more")
        if encoding.maxFramerate is not None and not encoding.maxFramerate >= 0.0:
            raise ValueError("maxFramerate is 0 or more")
        if encoding.maxBitrate is not None and not 0 <= encoding.maxBitrate < 1 << 32:
            raise TypeError("maxBitrate fits into 32 bits")
    return encodings


def _complete_scale(encodings: list[RTCRtpEncodingParameters]) -> None:
    """From small to large by powers of two, unless the application says how."""
    said = any(each.scaleResolutionDownBy is not None for each in encodings)
    for index, encoding in enumerate(encodings):
        if encoding.scaleResolutionDownBy is None:
            encoding.scaleResolutionDownBy = 1.0 if said else float(1 << (len(encodings) - index - 1))


def _check_modes(
    encodings: list[RTCRtpEncodingParameters],
    codecs: Sequence[RTCRtpCodec],
    scalability: Scalability,
    error: type[DOMException],
) -> None:
    """Check scalability modes (WebRTC-SVC, section 4.2)."""
    for encoding in encodings:
        if (mode := encoding.scalabilityMode) is None:
            continue
        usable = codecs if encoding.codec is None else [converted(RTCRtpCodec, encoding.codec)]
        if not any(scalability.is_known(mode, each.mimeType) for each in usable):
            raise error(f"no codec that could be used has the scalability mode {mode!r}")


def _check_sole_simulcast(encodings: list[RTCRtpEncodingParameters], error: type[DOMException]) -> None:
    active = [each for each in encodings if each.active]
    if len(active) > 1 and any(is_simulcast(each.scalabilityMode or "") for each in active):
        raise error("simulcast is either several encodings, or several pictures in one stream")


def _check_sizes(encodings: list[RTCRtpEncodingParameters], error: type[DOMException]) -> None:
    sizes = [each.scaleResolutionDownTo for each in encodings if each.active]
    given = [converted(RTCResolutionRestriction, size) for size in sizes if size is not None]
    if given and len(given) != len(sizes):
        raise error("scaleResolutionDownTo is for all active encodings, or for none")
    if any(size.maxWidth <= 0 or size.maxHeight <= 0 for size in given):
        raise error("both members of scaleResolutionDownTo are more than 0")
