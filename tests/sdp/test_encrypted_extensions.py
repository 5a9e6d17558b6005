"""Header extensions that are encrypted: ``a=extmap`` of RFC 6904 section 4, and ``a=cryptex`` of RFC 9335 section 4."""

import pytest
from tests.sdp.vectors import audio, build, data, secured

from rtc_sdp import (
    ENCRYPTED_EXTENSION,
    Cryptex,
    DescriptionError,
    Direction,
    Extmap,
    ParseError,
    SessionDescription,
    check_answer,
    check_description,
)

LEVEL = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
SAVP = ("m=audio 49170 RTP/SAVP 0", "c=IN IP4 192.0.2.1")


def problems(description: SessionDescription) -> list[str]:
    with pytest.raises(DescriptionError) as caught:
        check_description(description)
    return [f"{each.media_index}: {each.text}" for each in caught.value.problems]


def answer(*lines: str) -> SessionDescription:
    head = "v=0\r\no=- 2 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"
    return build(*secured(*lines, setup="active"), head=head)


def test_the_example_of_the_rfc_is_read() -> None:
    description = build(
        *SAVP,
        "a=extmap:1 urn:ietf:params:rtp-hdrext:encrypt urn:ietf:params:rtp-hdrext:smpte-tc 25@600/24",
        "a=extmap:2 urn:ietf:params:rtp-hdrext:toffset",
    )

    encrypted, clear = description.media[0].get_all(Extmap)

    assert encrypted == Extmap(1, "urn:ietf:params:rtp-hdrext:smpte-tc", attributes="25@600/24", encrypted=True)
    assert not clear.encrypted
    check_description(description)


def test_an_encrypted_extension_is_another_than_the_one_in_the_clear() -> None:
    clear, encrypted = Extmap(1, LEVEL), Extmap(1, LEVEL, encrypted=True)

    assert clear.name == LEVEL
    assert encrypted.name == f"{ENCRYPTED_EXTENSION} {LEVEL}"
    check_description(build(*SAVP, f"a=extmap:1 {LEVEL}", f"a=extmap:2 {ENCRYPTED_EXTENSION} {LEVEL}"))


@pytest.mark.spec("rfc6904:4/4")
@pytest.mark.parametrize("rest", ["", f" {ENCRYPTED_EXTENSION}", f" {ENCRYPTED_EXTENSION} {LEVEL}"])
def test_encryption_is_not_encrypted(rest: str) -> None:
    description = build(*SAVP, f"a=extmap:1 {ENCRYPTED_EXTENSION}{rest}")

    assert not description.media[0].get_all(Extmap)[0].encrypted
    assert problems(description) == ["0: encryption of no header extension, or of itself"]
    with pytest.raises(ValueError, match="not encrypted again"):
        Extmap(1, ENCRYPTED_EXTENSION, encrypted=True)


@pytest.mark.spec("rfc6904:4/1")
def test_an_encrypted_extension_of_a_section_needs_srtp() -> None:
    lines = (f"a=extmap:1 {ENCRYPTED_EXTENSION} {LEVEL}",)

    assert problems(build(*audio(*lines))) == ["0: an encrypted header extension without SRTP"]
    check_description(build(*SAVP, *lines))
    check_description(build(*secured(*lines)))


@pytest.mark.spec("rfc6904:4/2")
def test_an_encrypted_extension_of_the_session_needs_a_section_with_srtp() -> None:
    line = f"a=extmap:1 {ENCRYPTED_EXTENSION} {LEVEL}"

    assert problems(build(line, *audio())) == ["None: an encrypted header extension without SRTP"]
    check_description(build(line, *audio(), *SAVP))


@pytest.mark.spec("rfc9143:12/1")
def test_an_identifier_is_not_encrypted_here_and_clear_there() -> None:
    description = build(
        "a=group:BUNDLE 0 1",
        *secured(f"a=extmap:5 {LEVEL}"),
        *secured(f"a=extmap:5 {ENCRYPTED_EXTENSION} {LEVEL}", mid="1"),
    )

    assert problems(description) == ["1: extension 5 has two meanings in a bundle"]


@pytest.mark.spec("rfc6904:4.1/4")
def test_an_answer_has_one_form_of_an_extension() -> None:
    def both(direction: str = "") -> tuple[str, ...]:
        return (f"a=extmap:1 {ENCRYPTED_EXTENSION} {LEVEL}", f"a=extmap:2{direction} {LEVEL}")

    offer = build(*secured(*both()))
    check_answer(offer, answer(*both("/inactive")))
    with pytest.raises(DescriptionError) as caught:
        check_answer(offer, answer(*both()))
    assert [each.text for each in caught.value.problems] == [f"extension {LEVEL} both encrypted and in the clear"]


def test_a_form_that_was_not_offered_is_not_answered() -> None:
    offer = build(*secured(f"a=extmap:1 {LEVEL}"))

    with pytest.raises(DescriptionError, match="was not offered"):
        check_answer(offer, answer(f"a=extmap:1 {ENCRYPTED_EXTENSION} {LEVEL}"))


@pytest.mark.spec("rfc9335:4/1")
def test_cryptex_counts_for_all_of_a_bundle_or_for_nothing() -> None:
    group = "a=group:BUNDLE 0 1"

    check_description(build(group, *secured("a=cryptex"), *data("a=cryptex", mid="1")))
    check_description(build(group, "a=cryptex", *secured(), *data(mid="1")))
    check_description(build(*secured("a=cryptex"), *data(mid="1")))
    assert problems(build(group, *secured("a=cryptex"), *secured(mid="1"))) == [
        "0: cryptex in some sections of a bundle"
    ]


@pytest.mark.spec("rfc9335:4/6")
def test_cryptex_may_stand_at_the_session_level() -> None:
    description = build("a=cryptex", *secured())

    assert description.effective(description.media[0], Cryptex) == Cryptex()
    with pytest.raises(ParseError):
        Cryptex.parse("yes")


def test_the_direction_of_an_encrypted_extension_is_read() -> None:
    extmap = Extmap.parse(f"3/sendonly {ENCRYPTED_EXTENSION} {LEVEL} vad=on")

    assert extmap == Extmap(3, LEVEL, Direction.SENDONLY, "vad=on", encrypted=True)
