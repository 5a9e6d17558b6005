"""The `dataclass` of the packages against that of the standard library."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle
import re
import typing
from collections.abc import Callable
from pathlib import Path

import pytest

from rtc_sdp.dataclass import dataclass

PACKAGES = Path(__file__).parent.parent.parent / "packages"
COPIES = sorted(PACKAGES.glob("*/src/*/dataclass.py"))

OPTIONS = [
    {"frozen": frozen, "kw_only": kw_only, "eq": eq}
    for frozen in (False, True)
    for kw_only in (False, True)
    for eq in (False, True)
]


def _classes(make: Callable[..., Callable[[type], type]], options: dict[str, bool]) -> tuple[type, type, type]:
    @make(slots=True, **options)
    class Pair:
        number: int
        secret: bytes = dataclasses.field(default=b"", repr=False)
        note: list[int] = dataclasses.field(default_factory=list, compare=False)

    @make(slots=True, **options)
    class Nothing:
        pass

    @make(slots=True, **options)
    class Own:  # noqa: PLW1641 - what becomes of its hash is the question
        text: str

        def __post_init__(self) -> None:
            if not self.text:
                raise ValueError("empty")

        def __eq__(self, other: object) -> bool:
            return isinstance(other, Own) and self.text.lower() == other.text.lower()

        def __repr__(self) -> str:
            return self.text

    return Pair, Nothing, Own


def _outcome(act: Callable[[], object]) -> object:
    try:
        return act()
    except Exception as error:  # noqa: BLE001 - which one, is compared
        return type(error), str(error).replace("_classes.<locals>.", "")


@pytest.mark.parametrize("options", OPTIONS, ids=lambda options: "-".join(name for name, on in options.items() if on))
def test_it_behaves_as_the_standard_library(options: dict[str, bool]) -> None:
    def behaviour(make: Callable[..., Callable[[type], type]]) -> list[object]:
        pair, nothing, own = _classes(make, options)
        one, same, other = (pair(number=number, secret=b"x", note=[number]) for number in (1, 1, 2))
        acts: list[Callable[[], object]] = [
            lambda: [one == same, one == other, one == nothing(), nothing() == nothing(), one == 1],
            lambda: hash(one) == hash(same),
            lambda: repr(one),
            lambda: repr(nothing()),
            lambda: (repr(own(text="a")), own(text="a") == own(text="A"), own(text="")),
            lambda: hash(own(text="a")) is not None,
            lambda: setattr(one, "number", 3),
            lambda: delattr(one, "number"),
            lambda: setattr(same, "unknown", 3) if not options["frozen"] else None,
            lambda: pair(1, b"x").number,
            lambda: dataclasses.replace(other, number=5).number,
            lambda: dataclasses.asdict(other),
            lambda: (copy.deepcopy(other).note, copy.copy(other).secret),
            lambda: [each.name for each in dataclasses.fields(pair)],
            lambda: pair(number=3).note is pair(number=3).note,
            lambda: pair(secret=b"x"),
            lambda: list(inspect.signature(pair).parameters),
            lambda: {name: each.kind for name, each in inspect.signature(pair).parameters.items()},
            lambda: typing.get_type_hints(vars(pair)["__init__"]),
            lambda: (vars(pair)["__match_args__"], vars(pair)["__slots__"]),
        ]
        return [_outcome(act) for act in acts]

    assert behaviour(dataclass) == behaviour(dataclasses.dataclass)


@dataclass(slots=True, frozen=True)
class Kept:
    """One that can be found by its name, as pickle wants."""

    number: int
    text: str = "x"


def test_what_is_frozen_can_be_pickled() -> None:
    assert pickle.loads(pickle.dumps(Kept(1))) == Kept(1)


def test_its_annotations_can_be_resolved() -> None:
    assert typing.get_type_hints(Kept.__init__) == {"number": int, "text": str, "return": type(None)}


def test_a_frozen_class_can_be_made_of_a_frozen_class() -> None:
    @dataclasses.dataclass(frozen=True, slots=True)
    class More(Kept):
        more: int = 2

    assert More(1) == More(1, "x", 2)
    with pytest.raises(dataclasses.FrozenInstanceError):
        More(1).number = 2  # type: ignore[misc] # what mypy refuses is the test


def test_nothing_is_compiled_for_a_class_that_nobody_makes_objects_of() -> None:
    @dataclass(slots=True, frozen=True)
    class Rare:
        number: int

    class Derived(Rare):
        """Shall get none of its own."""

    before = vars(Rare)["__init__"]
    made = Derived(1)

    assert not inspect.isfunction(before)
    assert made.number == 1
    assert inspect.isfunction(vars(Rare)["__init__"])
    assert "__init__" not in vars(Derived)


def test_every_package_has_the_same_file() -> None:
    assert len(COPIES) >= 8
    assert {path.read_text("utf-8") for path in COPIES} == {COPIES[0].read_text("utf-8")}


def test_no_module_takes_the_dear_one() -> None:
    dear = re.compile(r"^from dataclasses import .*\bdataclass\b", re.MULTILINE)
    modules = [path for copy_ in COPIES for path in copy_.parent.rglob("*.py")]

    assert [path for path in modules if dear.search(path.read_text("utf-8"))] == []
