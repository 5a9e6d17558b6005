"""The rules within one description, written for who makes one.

See :rfc:`8866` and the documents that the problems name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from rtc_sdp.attribute_check import malformed_attributes, misplaced_attributes
from rtc_sdp.bundle import Bundles
from rtc_sdp.bundle_check import check_bundles, check_grouping
from rtc_sdp.datachannel import Dcmap, Dcsa
from rtc_sdp.errors import DescriptionError, Problem
from rtc_sdp.rtp_check import check_rtp
from rtc_sdp.sctp import SCTP_PROTOCOLS, sctp_port_of
from rtc_sdp.session import SessionDescription
from rtc_sdp.standard import Charset
from rtc_sdp.transport_check import check_transport

Check = Callable[[SessionDescription, Bundles], Iterator[Problem]]


def check_description(description: SessionDescription) -> None:
    """Check that a description keeps every rule that reaches over more than one line.

    The rules are those for writers. A peer's description may break one of them and still be usable; whoever reads
    it looks at the ``problems`` of the error, or does not ask.

    Raises:
        DescriptionError: With all problems, in no particular order. If attributes are malformed, only those.
    """
    problems = malformed_attributes(description)
    if not problems:
        bundles = Bundles(description)
        problems = [problem for check in _CHECKS for problem in check(description, bundles)]
    # [rfc3264:5/1]
    if problems:
        raise DescriptionError(problems)


def _check_attributes(description: SessionDescription, _bundles: Bundles) -> Iterator[Problem]:
    yield from misplaced_attributes(description)


def _check_session(description: SessionDescription, _bundles: Bundles) -> Iterator[Problem]:
    utf8 = description.get(Charset) is None
    for index, section in [(None, description), *enumerate(description.media)]:
        for line in section.lines:
            # [rfc8866:5.3/4] [rfc8866:5.4/1]
            if utf8 and line.letter in ("s", "i") and not _is_utf8(line.text):
                yield Problem(f"{line.letter}= is not UTF-8 and there is no charset", "RFC 8866 section 5.3", index)
            # [rfc8866:6.10/4]
            if not utf8 and line.letter in ("s", "i") and not description.fits_charset(line.text):
                yield Problem(
                    f"{line.letter}= is not in the charset of the description", "RFC 8866 section 6.10", index
                )
            # [rfc8866:5.12/1]
            if line.letter == "k":
                yield Problem("k= is not to be used", "RFC 8866 section 5.12", index)
    if description.connection is None:
        for index, media in enumerate(description.media):
            # [rfc8866:5.7/1]
            if not media.connections:
                yield Problem("no connection at either level", "RFC 8866 section 5.7", index)


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _check_data(description: SessionDescription, bundles: Bundles) -> Iterator[Problem]:
    for index, media in enumerate(description.media):
        if media.protocol in SCTP_PROTOCOLS and not bundles.is_rejected(media):
            # [rfc8841:4.3/2]
            if len(media.formats) != 1:
                yield Problem("an SCTP section has exactly one format", "RFC 8841 section 4.3", index)
            # [rfc8841:5.1/1] [rfc8841:10.2/2] [rfc8841:10.3/3]
            if sctp_port_of(media) is None:
                yield Problem("no sctp-port", "RFC 8841 section 5.1", index)
        streams = [dcmap.stream_id for dcmap in media.get_all(Dcmap)]
        if len(set(streams)) != len(streams):
            yield Problem("two dcmap for one stream", "RFC 8864 section 5.1", index)
        # [rfc8864:6.3/2]
        if not {dcsa.stream_id for dcsa in media.get_all(Dcsa)} <= set(streams):
            yield Problem("a dcsa without its dcmap", "RFC 8864 section 6.3", index)


_CHECKS: Final[tuple[Check, ...]] = (
    _check_attributes,
    _check_session,
    check_grouping,
    check_bundles,
    check_transport,
    check_rtp,
    _check_data,
)
