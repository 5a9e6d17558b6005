"""Which ``rid`` and ``simulcast`` lines count, and how they are answered.

Lines that break a rule are discarded rather than refused: the stream then goes without them.

See :rfc:`8851#section-6` and :rfc:`8853#section-5.3`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Set as AbstractSet
from dataclasses import replace
from typing import Final

from rtc_sdp.contradictions import Capacities, number
from rtc_sdp.errors import ParseError
from rtc_sdp.media import MediaDescription
from rtc_sdp.simulcast import Rid, RidDirection, Simulcast, SimulcastStream

RESTRICTIONS: Final = frozenset(
    {"depend", "max-bpp", "max-br", "max-fps", "max-fs", "max-height", "max-pps", "max-width"}
)
"""The restrictions that RFC 8851 defines."""

_DEPEND: Final = "depend"


def usable_rids(media: MediaDescription) -> dict[str, Rid]:
    """Return the ``rid`` lines of a section that count, by identifier, their formats narrowed to those of the section.

    See :rfc:`8851#section-6.2.2`.
    """
    # [rfc8851:6.2.2/3]
    parsed = [rid for rid in map(_parse, (attribute.value for attribute in media.get_all(Rid.NAME))) if rid]
    times = Counter(rid.rid for rid in parsed)
    known = frozenset(media.formats)
    capacities = _capacities(media) if any(rid.restrictions for rid in parsed) else None
    usable: dict[str, Rid] = {}
    for rid in parsed:
        formats = tuple(fmt for fmt in rid.formats if fmt in known)
        # [rfc8851:6.2.2/1] [rfc8851:6.2.2/3]
        if times[rid.rid] == 1 and (formats or not rid.formats):
            narrowed = replace(rid, formats=formats)
            # [rfc8851:6.4/6] So it is in an offer (section 8).
            if capacities is None or not capacities.contradict(narrowed):
                usable[rid.rid] = narrowed
    return _without_broken_dependencies(usable)


def _capacities(media: MediaDescription) -> Capacities | None:
    try:
        return Capacities(media)
    except ParseError:
        return None  # what is wrong with the section is told elsewhere


def _without_broken_dependencies(rids: dict[str, Rid]) -> dict[str, Rid]:
    """Leave out what depends on an identifier that is not there, and in turn what depends on that."""
    dependents: dict[str, list[str]] = {}
    for name, rid in rids.items():
        for needed in _dependencies(rid):
            dependents.setdefault(needed, []).append(name)
    # [rfc8851:6.2.2/2]
    lost: set[str] = set()
    missing = [needed for needed in dependents if needed not in rids]
    while missing:
        broken = dependents.pop(missing.pop(), [])
        lost.update(broken)
        missing += broken
    return {name: rid for name, rid in rids.items() if name not in lost}


def _parse(value: str | None) -> Rid | None:
    try:
        return Rid.parse(value or "")
    except ParseError:
        return None


def _dependencies(rid: Rid) -> set[str]:
    return {name for key, value in rid.restrictions if key == _DEPEND for name in (value or "").split(",")}


def answer_rids(
    offered: MediaDescription, formats: AbstractSet[str], *, understood: AbstractSet[str] = RESTRICTIONS
) -> list[Rid]:
    """Return the ``rid`` lines to answer with: those that count, seen from our end.

    Args:
        offered: The section as offered.
        formats: The formats that the answer keeps, under the payload types of the offer.
        understood: Names of the restrictions that we can keep to.

    See :rfc:`8851#section-6.3`.
    """
    answered = []
    for rid in usable_rids(offered).values():
        kept = tuple(fmt for fmt in rid.formats if fmt in formats)
        # [rfc8851:6.3/4]
        if rid.formats and not kept:
            continue
        # [rfc8851:6.3/6] What the offerer receives we have to keep to; what it sends is its own matter.
        if rid.direction is RidDirection.RECV and not {name for name, _ in rid.restrictions} <= understood:
            continue
        # [rfc8851:6.3/2] [rfc8851:6.3/3] [rfc8851:6.3/5] [rfc8851:6.3/1]
        answered.append(replace(rid, direction=rid.direction.reversed, formats=kept))
    return answered


def agreed_rids(offered: MediaDescription, answered: MediaDescription) -> dict[str, Rid]:
    """Return the ``rid`` lines that an answer agreed to, as the answer has them, by identifier.

    Payload types are compared as they are written: the answer is taken to use those of the offer.

    See :rfc:`8851#section-6.4`.
    """
    ours = usable_rids(offered)
    agreed = {}
    for name, rid in usable_rids(answered).items():
        offer = ours.get(name)
        # [rfc8851:6.4/1]
        if offer is None or rid.direction is not offer.direction.reversed:
            continue
        # [rfc8851:6.4/2] [rfc8851:6.4/3] [rfc8851:6.4/4] [rfc8851:6.4/5]
        offered_values = dict(offer.restrictions)
        restrictions = all(
            key in offered_values and _is_as_strict(value, offered_values[key]) for key, value in rid.restrictions
        )
        formats = set(rid.formats) <= set(offer.formats)
        if restrictions and formats:
            agreed[name] = rid
    return agreed


def _is_as_strict(answered: str | None, offered: str | None) -> bool:
    """Whether a value is the offered one, or a smaller number: all restrictions that are numbers are upper bounds."""
    if answered == offered:
        return True
    ours, theirs = number(offered), number(answered)
    return ours is not None and theirs is not None and theirs <= ours


def usable_simulcast(media: MediaDescription) -> Simulcast | None:
    """Return the simulcast of a section, narrowed to identifiers that are defined for that direction.

    None if there is none, if the attribute stands there twice, or if nothing of it is left.

    See :rfc:`8853#section-5.2`.
    """
    lines = media.get_all(Simulcast.NAME)
    # [rfc8853:5.3.2/2]
    if len(lines) != 1:
        return None
    try:
        simulcast = Simulcast.parse(lines[0].value or "")
    except ParseError:
        return None
    rids = usable_rids(media)
    # [rfc8853:5.2/4] [rfc8853:5.2/5]
    return narrow_simulcast(
        simulcast,
        send={name for name, rid in rids.items() if rid.direction is RidDirection.SEND},
        recv={name for name, rid in rids.items() if rid.direction is RidDirection.RECV},
    )


def narrow_simulcast(simulcast: Simulcast, *, send: AbstractSet[str], recv: AbstractSet[str]) -> Simulcast | None:
    """Return a simulcast with these identifiers only; None if no stream is left."""
    narrowed = _narrow(simulcast.send, send), _narrow(simulcast.recv, recv)
    return Simulcast(*narrowed, simulcast.recv_first) if any(narrowed) else None


def _narrow(streams: tuple[SimulcastStream, ...], names: AbstractSet[str]) -> tuple[SimulcastStream, ...]:
    narrowed = (tuple(form for form in stream if form.rid in names) for stream in streams)
    return tuple(stream for stream in narrowed if stream)


def answer_simulcast(offered: MediaDescription, rids: list[Rid]) -> Simulcast | None:
    """Return the simulcast to answer with: what was offered, seen from our end, as far as ``rids`` go.

    Args:
        offered: The section as offered.
        rids: What `answer_rids` returned, or fewer.

    Returns:
        None if the answer has no simulcast.

    See :rfc:`8853#section-5.3.2`.
    """
    simulcast = usable_simulcast(offered)
    if simulcast is None:
        return None
    # [rfc8853:5.3.2/3] [rfc8853:5.3.2/4] [rfc8853:5.3.2/6] [rfc8853:5.3.2/8]
    return narrow_simulcast(
        simulcast.reversed,
        send={rid.rid for rid in rids if rid.direction is RidDirection.SEND},
        recv={rid.rid for rid in rids if rid.direction is RidDirection.RECV},
    )
