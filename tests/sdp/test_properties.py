"""What holds for all input: nothing but ParseError is raised, round trips are exact, work grows in proportion."""

import random
import time
from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.sdp.vectors import DESCRIPTIONS, HEAD, raw
from tests.support.effort import examples

from rtc_sdp import (
    KNOWN_ATTRIBUTES,
    Attribute,
    Bandwidth,
    Bundles,
    Connection,
    Dcmap,
    DescriptionError,
    Direction,
    Extmap,
    Fingerprint,
    Fmtp,
    Group,
    IceOptions,
    IceUfrag,
    MediaField,
    Mid,
    Origin,
    ParseError,
    Rid,
    RidDirection,
    RtpMap,
    SessionDescription,
    Simulcast,
    SimulcastFormat,
    Ssrc,
    TrickleFragment,
    TypedAttribute,
    check_answer,
    check_description,
    check_offer,
    start_answer,
)

VECTORS = [raw(name) for name in DESCRIPTIONS]
MODEST = examples(100)
LINE_TEXT = st.text(st.characters(blacklist_characters="\0\r\n", blacklist_categories=["Cs"]), max_size=30)
TOKENS = st.text("abcXYZ019-_.!~", min_size=1, max_size=12)
NUMBERS = st.integers(0, 2**32 - 1)


def survive(data: bytes | str) -> None:
    """Parse, and ask everything; nothing but the errors of the package may come of it."""
    for strict in (True, False):
        try:
            description = SessionDescription.parse(data, strict=strict)
        except ParseError:
            continue
        assert bytes(description) == (data if isinstance(data, bytes) else data.encode("utf-8", "surrogateescape"))
        ask(description)
    try:
        fragment = TrickleFragment.parse(data)
    except ParseError:
        return
    assert bytes(fragment) == (data if isinstance(data, bytes) else data.encode("utf-8", "surrogateescape"))


def ask(description: SessionDescription) -> None:
    checks: tuple[Callable[[], None], ...] = (
        lambda: check_description(description),
        lambda: check_offer(description),
        lambda: check_offer(description, description),
        lambda: check_answer(description, description),
        lambda: check_answer(description, start_answer(description, origin=Origin("-", "1", 1))),
    )
    for check in checks:
        with suppress(ParseError, DescriptionError):
            check()
    for media in description.media:
        assert media.formats
        assert isinstance(description.direction_of(media), Direction)


@MODEST
@given(st.binary(max_size=200))
def test_random_bytes_raise_nothing_but_parse_errors(data: bytes) -> None:
    survive(data)


@MODEST
@given(LINE_TEXT)
@example("a=\ud800")
def test_random_text_raises_nothing_but_parse_errors(text: str) -> None:
    survive(HEAD + text)


@examples(200)
@given(st.sampled_from(VECTORS), st.integers(0, 2**32))
def test_damaged_descriptions_raise_nothing_but_parse_errors(data: bytes, seed: int) -> None:
    rng = random.Random(seed)
    damaged = bytearray(data)
    for _ in range(rng.randint(1, 6)):
        at = rng.randrange(len(damaged))
        match rng.randrange(4):
            case 0:
                damaged[at] ^= 1 << rng.randrange(8)
            case 1:
                del damaged[at : at + rng.randint(1, 20)]
            case 2:
                damaged[at:at] = damaged[at : at + rng.randint(1, 80)]
            case _:
                damaged[at:at] = rng.choice([b"9" * 5000, b" ", b"\r\n", b"/", b":", b"-1", b"\xff", b"0"])

    survive(bytes(damaged))


@examples(200)
@given(st.sampled_from(VECTORS), st.integers(0, 2**32))
def test_shuffled_lines_raise_nothing_but_parse_errors(data: bytes, seed: int) -> None:
    rng = random.Random(seed)
    lines = data.splitlines(keepends=True)
    for _ in range(rng.randint(1, 5)):
        at, to = rng.randrange(len(lines)), rng.randrange(len(lines))
        lines[at], lines[to] = lines[to], lines[at]
        if rng.random() < 0.3:
            lines.insert(to, lines[at])

    survive(b"".join(lines))


@examples(200)
@given(st.sampled_from(sorted(KNOWN_ATTRIBUTES)), LINE_TEXT)
def test_a_typed_attribute_parses_or_refuses_any_text(name: str, text: str) -> None:
    try:
        value = KNOWN_ATTRIBUTES[name].parse(text)
    except ParseError:
        return

    assert KNOWN_ATTRIBUTES[name].parse(value.serialize()) == value


VALUES: st.SearchStrategy[TypedAttribute] = st.one_of(
    st.builds(IceUfrag, st.text("abc/+9", min_size=4, max_size=256)),
    st.builds(IceOptions, st.lists(TOKENS, min_size=1).map(tuple)),
    st.builds(Fingerprint, st.just("sha-256"), st.binary(min_size=32, max_size=32)),
    st.builds(Mid, TOKENS),
    st.builds(Group, TOKENS, st.lists(TOKENS).map(tuple)),
    st.builds(RtpMap, st.integers(0, 127), TOKENS, st.integers(1, 2**32 - 1), st.none() | TOKENS),
    st.builds(Fmtp, TOKENS, LINE_TEXT.filter(bool)),
    st.builds(Extmap, st.integers(0, 99999), TOKENS, st.none() | st.sampled_from(Direction), LINE_TEXT, st.booleans()),
    st.builds(Ssrc, NUMBERS, st.builds(Attribute, TOKENS, st.none() | LINE_TEXT)),
    st.builds(
        Rid,
        st.text("ab9-_", min_size=1, max_size=9),
        st.sampled_from(RidDirection),
        st.lists(st.text("0129", min_size=1, max_size=3), max_size=3).map(tuple),
        st.lists(
            st.tuples(
                st.text("ax-9", min_size=1, max_size=8).filter(lambda name: name != "pt"),
                st.none() | st.text("a=,9", max_size=8),
            ),
            max_size=3,
        ).map(tuple),
    ),
    st.builds(
        Simulcast,
        st.lists(
            st.lists(
                st.builds(SimulcastFormat, st.text("ab9", min_size=1, max_size=3), paused=st.booleans()), min_size=1
            ).map(tuple),
            min_size=1,
            max_size=3,
        ).map(tuple),
    ),
    st.builds(
        Dcmap,
        stream_id=st.integers(0, 65535),
        label=st.text(st.characters(blacklist_categories=["Cs"]), max_size=20),
        subprotocol=st.text(st.characters(blacklist_categories=["Cs"]), max_size=20),
        ordered=st.booleans(),
        max_retr=st.none() | NUMBERS,
        priority=st.integers(0, 65535),
    ),
)


@examples(200)
@given(VALUES)
def test_every_typed_attribute_survives_a_description(value: TypedAttribute) -> None:
    description = SessionDescription.parse(HEAD + "m=audio 9 RTP/AVP 0\r\n")

    description.media[0].add(value)

    again = SessionDescription.parse(bytes(description))
    assert again.media[0].get(type(value)) == value


@MODEST
@given(
    st.builds(Origin, TOKENS, st.integers(0, 2**80).map(str), st.integers(0, 2**63 - 1)),
    st.builds(
        MediaField, TOKENS, st.integers(0, 65535), TOKENS, st.lists(TOKENS, min_size=1).map(tuple), st.integers(1, 9)
    ),
    st.lists(st.builds(Bandwidth, TOKENS, NUMBERS), max_size=3),
    st.ip_addresses(v=4) | st.ip_addresses(v=6),
)
def test_every_field_survives_a_description(origin, field, bandwidths, address) -> None:  # type: ignore[no-untyped-def]  # hypothesis knows
    description = SessionDescription.parse(HEAD + "m=audio 9 RTP/AVP 0\r\n")
    connection = Connection(str(address), f"IP{address.version if address.version == 6 else 4}", ttl=_ttl(address))

    description.origin = origin
    description.media[0].field = field
    description.media[0].bandwidths = bandwidths
    description.connection = connection

    again = SessionDescription.parse(bytes(description))
    assert again == description
    assert again.origin == origin
    assert again.media[0].field == field
    assert again.media[0].bandwidths == tuple(bandwidths)
    assert again.connection == connection


def _ttl(address) -> int | None:  # type: ignore[no-untyped-def]  # hypothesis knows
    return 1 if address.version == 4 and address.is_multicast else None


# --- work grows in proportion ---


def hostile(kind: str, count: int) -> str:
    """Return descriptions that would show quadratic work."""
    match kind:
        case "attributes":
            return HEAD + "a=x\r\n" * count
        case "media":
            return HEAD + "m=audio 9 RTP/AVP 0\r\nc=IN IP4 1.2.3.4\r\n" * count
        case "bundle":
            tags = [str(number) for number in range(count)]
            return (
                HEAD
                + f"a=group:BUNDLE {' '.join(tags)}\r\n"
                + "".join(
                    f"m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 1.2.3.4\r\na=mid:{tag}\r\n"
                    for tag in tags
                )
            )
        case "groups":
            return HEAD + "a=group:LS\r\n" * count + "m=audio 9 RTP/AVP 0\r\nc=IN IP4 1.2.3.4\r\na=mid:0\r\n"
        case "formats":
            return HEAD + "m=audio 9 RTP/AVP" + "".join(f" {n % 7:0{2 + n // 7}}" for n in range(count // 20)) + "\r\n"
        case "rids":
            return (
                HEAD + "m=audio 9 RTP/AVP 0\r\n" + "".join(f"a=rid:{n} send depend={n - 1}\r\n" for n in range(count))
            )
        case "simulcast":
            names = [str(number) for number in range(count)]
            return (
                HEAD
                + "m=audio 9 RTP/AVP 0\r\n"
                + "".join(f"a=rid:{name} send\r\n" for name in names)
                + f"a=simulcast:send {';'.join(names)}\r\n"
            )
        case "times":
            return "v=0\r\no=- 1 1 IN IP4 1.2.3.4\r\ns=-\r\n" + "t=0 0\r\n" * count
        case _:
            return "v=0\r\no=- 1 1 IN IP4 1.2.3.4\r\ns=-\r\nt=0 0\r\n" + "r=1 1 1\r\n" * count


def cost(kind: str, count: int) -> float:
    """CPU seconds for reading, asking and writing, the best of two."""
    text = hostile(kind, count)
    best = float("inf")
    for _ in range(2):
        start = time.process_time()
        description = SessionDescription.parse(text)
        _ = description.times
        _ = Bundles(description).groups
        ask(description)
        best = min(best, time.process_time() - start)
    return best


@pytest.mark.parametrize(
    "kind", ["attributes", "media", "bundle", "groups", "formats", "rids", "simulcast", "times", "repeats"]
)
def test_no_description_takes_more_than_its_length_in_work(kind: str) -> None:
    small, large = cost(kind, 250), cost(kind, 2000)

    # Eight times the size; quadratic work would be 64 times the cost.
    assert large < 0.02 or large < small * 30
