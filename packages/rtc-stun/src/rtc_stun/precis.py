"""Preparation of usernames, realms and passwords: the OpaqueString profile.

It (:rfc:`8265#section-4.2`) is a profile of the FreeformClass (:rfc:`8264#section-4.3`). Code points are
judged with the Unicode tables of the running Python. The rules that look at the neighbours of a code point (CONTEXTJ,
CONTEXTO) are not evaluated: such code points pass.
"""

import unicodedata
from typing import Final

_DISALLOWED: Final = frozenset({0x0640, 0x07FA, 0x302E, 0x302F, *range(0x3031, 0x3036), 0x303B})
"""Code points that are disallowed one by one (:rfc:`8264#section-9.6`)."""

_JOIN_CONTROLS: Final = frozenset({0x200C, 0x200D})

_NEVER: Final = (
    # Old Hangul Jamo, RFC 8264 section 9.9.
    (0x1100, 0x11FF),
    (0xA960, 0xA97C),
    (0xD7B0, 0xD7FB),
    # Default_Ignorable_Code_Point, which unicodedata does not know (section 9.13).
    (0x00AD, 0x00AD),
    (0x034F, 0x034F),
    (0x061C, 0x061C),
    (0x17B4, 0x17B5),
    (0x180B, 0x180F),
    (0x200B, 0x200F),
    (0x202A, 0x202E),
    (0x2060, 0x206F),
    (0x3164, 0x3164),
    (0xFE00, 0xFE0F),
    (0xFEFF, 0xFEFF),
    (0xFFA0, 0xFFA0),
    (0xFFF0, 0xFFF8),
    (0x1BCA0, 0x1BCA3),
    (0x1D173, 0x1D17A),
    (0xE0000, 0xE0FFF),
)

_NEVER_CATEGORIES: Final = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"})


def opaque_string(text: str) -> str:
    """Apply the OpaqueString profile: spaces become U+0020, the rest is composed (NFC), case and width stay.

    Args:
        text: A username, realm or password.

    Returns:
        The prepared text; equal texts after this are equal secrets.

    Raises:
        ValueError: ``text`` is empty or holds a code point that the profile forbids, such as a control character.

    See :rfc:`8265#section-4.2`.
    """
    if text.isascii() and text.isprintable() and text:
        return text
    mapped = "".join(" " if unicodedata.category(character) == "Zs" else character for character in text)
    prepared = unicodedata.normalize("NFC", mapped)
    if not prepared:
        raise ValueError("a string of the OpaqueString profile is not empty")
    for character in prepared:
        if not _in_freeform_class(character):
            raise ValueError(f"U+{ord(character):04X} is not allowed in a username, realm or password")
    return prepared


def _in_freeform_class(character: str) -> bool:
    point = ord(character)
    if point in _JOIN_CONTROLS:
        return True
    if point in _DISALLOWED or any(first <= point <= last for first, last in _NEVER):
        return False
    return unicodedata.category(character) not in _NEVER_CATEGORIES
