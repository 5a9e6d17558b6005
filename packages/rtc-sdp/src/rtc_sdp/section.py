"""What the session level and every media section have in common: lines, found by letter or attribute name.

See :rfc:`8866#section-5`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar, TypeVar, overload

from rtc_sdp.attribute import Attribute, TypedAttribute
from rtc_sdp.direction import Direction
from rtc_sdp.errors import ParseError
from rtc_sdp.fields import Bandwidth
from rtc_sdp.grammar import Value
from rtc_sdp.line import Line, make_line

T = TypeVar("T", bound=TypedAttribute)
V = TypeVar("V", bound=Value)

Name = str | type[TypedAttribute]
"""What names an attribute: its name, or the class of its typed form."""


class Section:
    """Lines in wire order, with views on them.

    Reading an attribute by its class parses it then and there; a malformed one raises `ParseError` with its line
    number. `rtc_sdp.check_description` reads them all once, so that nothing raises later.
    """

    __slots__ = ("_index", "_lines")

    ORDER: ClassVar[str] = ""
    """The type letters in the order that a new line is put in by."""

    def __init__(self, lines: Iterable[Line] = ()) -> None:
        self._lines: list[Line] = list(lines)
        self._index: dict[str, list[Line]] = {}
        self._reindex()

    @property
    def lines(self) -> tuple[Line, ...]:
        """The lines as they stand."""
        return tuple(self._lines)

    # --- attributes ---

    @property
    def attributes(self) -> tuple[Attribute, ...]:
        """All attributes as text, in order; assign to replace them all.

        Raises:
            ParseError: A name is not a token (only what the lenient parser let through).
        """
        return tuple(_attribute(line) for line in self._lines if line.letter == "a")

    @attributes.setter
    def attributes(self, attributes: Iterable[Attribute | TypedAttribute]) -> None:
        made = [_attribute_line(attribute) for attribute in attributes]
        self._lines = [line for line in self._lines if line.letter != "a"] + made
        self._reindex()

    @overload
    def get(self, name: str) -> Attribute | None: ...

    @overload
    def get(self, name: type[T]) -> T | None: ...

    def get(self, name: str | type[T]) -> Attribute | T | None:
        """Return the first attribute of that name or class, None if there is none.

        Raises:
            ParseError: Its value does not follow the grammar of its class.
        """
        lines = self._index.get(_key(name))
        if lines is None:
            return None
        return _attribute(lines[0]) if isinstance(name, str) else _typed(name, lines[0])

    @overload
    def get_all(self, name: str) -> list[Attribute]: ...

    @overload
    def get_all(self, name: type[T]) -> list[T]: ...

    def get_all(self, name: str | type[T]) -> list[Attribute] | list[T]:
        """Return all attributes of that name or class, in order.

        Raises:
            ParseError: One does not follow the grammar of its class.
        """
        lines = self._index.get(_key(name), ())
        if isinstance(name, str):
            return [_attribute(line) for line in lines]
        return [_typed(name, line) for line in lines]

    def has(self, name: Name) -> bool:
        """Whether there is an attribute of that name or class."""
        return _key(name) in self._index

    def count(self, name: Name) -> int:
        """Return how many attributes of that name or class there are."""
        return len(self._index.get(_key(name), ()))

    def shows(self, attribute: Attribute | TypedAttribute) -> bool:
        """Whether there is an attribute that reads the same."""
        wanted = _attribute_line(attribute)
        return any(line.text == wanted.text for line in self._index.get(wanted.key, ()))

    def add(self, attribute: Attribute | TypedAttribute) -> None:
        """Append an attribute."""
        line = _attribute_line(attribute)
        self._lines.append(line)
        self._index.setdefault(line.key, []).append(line)

    def set(self, attribute: Attribute | TypedAttribute) -> None:
        """Put an attribute in the place of the first of its name and drop the others; append it if there is none."""
        line = _attribute_line(attribute)
        if line.key in self._index:
            self._replace(line.key, [line])
        else:
            self.add(attribute)

    def remove(self, attribute: Name | Attribute | TypedAttribute) -> int:
        """Remove attributes and return how many there were.

        Args:
            attribute: A name or class removes all of that name; an attribute removes those that read the same.
        """
        if isinstance(attribute, str | type):
            doomed = set(self._index.get(_key(attribute), ()))
        else:
            wanted = _attribute_line(attribute)
            doomed = {line for line in self._index.get(wanted.key, ()) if line.text == wanted.text}
        if doomed:
            self._lines = [line for line in self._lines if line not in doomed]
            self._reindex()
        return len(doomed)

    # --- fields of both levels ---

    @property
    def direction(self) -> Direction | None:
        """The direction marked at this level, None if there is no such mark. See `Document.direction_of`."""
        found = [d for d in Direction if f"a={d.value}" in self._index]
        if len(found) > 1:
            # Contradicting marks are against the grammar; the first one counts, as with every other attribute.
            return next(Direction(line.name) for line in self._lines if line.key[2:] in _DIRECTIONS)
        return found[0] if found else None

    @direction.setter
    def direction(self, direction: Direction | None) -> None:
        # [rfc3264:5.1/1] [rfc3264:5.1/2] [rfc3264:5.1/3]
        made = None if direction is None else make_line("a", direction.value)
        lines: list[Line] = []
        for line in self._lines:
            if line.letter == "a" and line.key[2:] in _DIRECTIONS:
                if made is not None:
                    lines.append(_with_ending(made, line))
                    made = None
            else:
                lines.append(line)
        self._lines = lines if made is None else [*lines, made]
        self._reindex()

    @property
    def information(self) -> str | None:
        """``i=``: a title for people."""
        return self._text("i")

    @information.setter
    def information(self, text: str | None) -> None:
        self._set_texts("i", () if text is None else (text,))

    @property
    def bandwidths(self) -> tuple[Bandwidth, ...]:
        """The ``b=`` lines."""
        return tuple(self._values("b", Bandwidth))

    @bandwidths.setter
    def bandwidths(self, bandwidths: Iterable[Bandwidth]) -> None:
        self._set_values("b", bandwidths)

    def bandwidth(self, bwtype: str) -> int | None:
        """Return the value of the first ``b=`` line of that type, in its own unit."""
        return next((b.value for b in self.bandwidths if b.bwtype == bwtype), None)

    # --- for the sections ---

    def _text(self, letter: str) -> str | None:
        lines = self._index.get(letter)
        return lines[0].text if lines else None

    def _values(self, letter: str, kind: type[V]) -> list[V]:
        return [_parse(kind, line, line.text) for line in self._index.get(letter, ())]

    def _set_values(self, letter: str, values: Iterable[Value]) -> None:
        self._set_texts(letter, [value.serialize() for value in values])

    def _set_texts(self, letter: str, texts: Sequence[str]) -> None:
        """Make the lines of a letter say ``texts``; they keep their place, or get the one the grammar says."""
        made = [make_line(letter, text) for text in texts]
        if letter in self._index:
            self._replace(letter, made)
        elif made:
            rank = self.ORDER.index(letter)
            at = next((i for i, x in enumerate(self._lines) if self.ORDER.find(x.letter) > rank), len(self._lines))
            self._lines[at:at] = made
            self._index[letter] = made

    def _replace(self, key: str, made: Sequence[Line]) -> None:
        """Put ``made`` where the lines of ``key`` were, line by line, what is left over after the last of them."""
        old = self._index[key]
        left, last = list(made), old[-1]
        lines: list[Line] = []
        for line in self._lines:
            if line.key != key:
                lines.append(line)
                continue
            if left:
                lines.append(_with_ending(left.pop(0), line))
            if line is last:
                lines += left
        self._lines = lines
        self._reindex()

    def _reindex(self) -> None:
        self._index = {}
        for line in self._lines:
            self._index.setdefault(line.key, []).append(line)


_DIRECTIONS = frozenset(d.value for d in Direction)


def _key(name: Name) -> str:
    return f"a={name}" if isinstance(name, str) else f"a={name.NAME}"


def _with_ending(line: Line, old: Line) -> Line:
    """Return ``line`` with the ending of the one whose place it takes."""
    return Line(line.letter, line.text, old.ending)


def _attribute(line: Line) -> Attribute:
    try:
        return Attribute.from_text(line.text)
    except ValueError as error:
        raise ParseError(str(error), line.number) from error


def _attribute_line(attribute: Attribute | TypedAttribute) -> Line:
    if isinstance(attribute, Attribute):
        return make_line("a", attribute.text)
    value = attribute.serialize()
    return make_line("a", f"{attribute.NAME}:{value}" if value or attribute.MAY_BE_EMPTY else attribute.NAME)


def _typed(kind: type[T], line: Line) -> T:
    return _parse(kind, line, line.text.partition(":")[2])


def _parse(kind: type[V], line: Line, text: str) -> V:
    try:
        return kind.parse(text)
    except ParseError as error:
        raise ParseError(error.reason, line.number) from error
