"""Preparation of passwords as it was before OpaqueString: SASLprep, a profile of Stringprep (:rfc:`4013`, :rfc:`3454`)."""

import stringprep
import unicodedata
from collections.abc import Callable
from typing import Final

_PROHIBITED: Final[tuple[Callable[[str], bool], ...]] = (
    stringprep.in_table_c12,
    stringprep.in_table_c21_c22,
    stringprep.in_table_c3,
    stringprep.in_table_c4,
    stringprep.in_table_c5,
    stringprep.in_table_c6,
    stringprep.in_table_c7,
    stringprep.in_table_c8,
    stringprep.in_table_c9,
)


def saslprep(text: str) -> str:
    """Prepare a string as :rfc:`5389` did, for a peer that still stores passwords that way.

    OpaqueString keeps compatibility characters that SASLprep folds away, so the two differ beyond ASCII. Pass the
    result on where a password is wanted: OpaqueString changes nothing more of it.

    Raises:
        ValueError: The text is prohibited or mixes directions.

    See :rfc:`4013`.
    """
    mapped = "".join(
        " " if stringprep.in_table_c12(character) else character
        for character in text
        if not stringprep.in_table_b1(character)
    )
    prepared = unicodedata.ucd_3_2_0.normalize("NFKC", mapped)
    for character in prepared:
        if any(table(character) for table in _PROHIBITED):
            raise ValueError(f"U+{ord(character):04X} is prohibited by SASLprep")
    _check_direction(prepared)
    return prepared


def _check_direction(text: str) -> None:
    """Refuse a text that is right-to-left in part only (:rfc:`3454#section-6`)."""
    if not any(map(stringprep.in_table_d1, text)):
        return
    if any(map(stringprep.in_table_d2, text)) or not (
        stringprep.in_table_d1(text[0]) and stringprep.in_table_d1(text[-1])
    ):
        raise ValueError("a right-to-left string must be so from its first to its last character")
