"""What every value is: unchangeable, comparable, and one of `dataclasses`' own."""

import copy
import dataclasses
import pickle
from collections.abc import Callable

import pytest

from rtc_sdp import (
    Bandwidth,
    Candidate,
    Connection,
    IceOptions,
    IcePwd,
    IceUfrag,
    ImageAttr,
    Mid,
    Origin,
    Problem,
    Repeat,
    Rid,
    RidDirection,
    RtpMap,
    Simulcast,
    Value,
    ZoneAdjustments,
)

ORIGIN = Origin("-", "1", 2)


@pytest.mark.parametrize("name", ["tag", "NAME", "more"])
def test_nothing_can_be_assigned(name: str) -> None:
    value = Mid("a")

    with pytest.raises(AttributeError):
        setattr(value, name, "b")

    assert value == Mid("a")


def test_nothing_can_be_deleted() -> None:
    value = Mid("a")

    with pytest.raises(dataclasses.FrozenInstanceError):
        del value.tag

    assert value.tag == "a"


def test_equal_values_have_one_hash() -> None:
    assert RtpMap(111, "opus", 48000, "2") == RtpMap(111, "opus", 48000, "2")
    assert len({Bandwidth("AS", 1), Bandwidth("AS", 1), Bandwidth("AS", 2)}) == 2


def test_values_of_different_classes_differ() -> None:
    others: list[object] = [IceUfrag("8hhY"), "8hhY"]

    assert Mid("8hhY") not in others


def test_the_representation_can_be_evaluated_and_hides_secrets() -> None:
    assert repr(Bandwidth("AS", 1)) == "Bandwidth(bwtype='AS', value=1)"
    assert repr(Candidate("1 1 udp 1 192.0.2.1 1 typ host")).startswith("Candidate(text='1 1 udp")
    assert repr(IcePwd("asd88fgpdd777uzjYhagZg")) == "IcePwd()"


def test_the_functions_of_dataclasses_work() -> None:
    assert dataclasses.replace(ORIGIN, sess_version=3) == Origin("-", "1", 3)
    assert [field.name for field in dataclasses.fields(Problem)] == list(Problem.__match_args__)


@pytest.mark.parametrize("value", [Mid("a"), ORIGIN, IcePwd("asd88fgpdd777uzjYhagZg")], ids=lambda v: type(v).__name__)
def test_values_can_be_copied_and_pickled(value: Value) -> None:
    assert copy.deepcopy(value) == value
    assert pickle.loads(pickle.dumps(value)) == value


@pytest.mark.parametrize(
    "make",
    [
        lambda: Connection("a.example/1", "X"),
        lambda: Connection("192.0.2.1", "IP4", "ATM"),
        lambda: Connection("a.example", ttl=1, address_count=3),
        lambda: Simulcast.of(recv=("a",)).reversed.reversed,
        lambda: Simulcast.parse("recv a send b"),
        lambda: ZoneAdjustments(((1, -3600),)),
        lambda: Repeat(2**64 - 1, 0, (0,)),
        lambda: Rid("a", RidDirection.SEND, ("96",), (("pt", "97"),)),
    ],
)
def test_what_can_be_made_can_be_read_back(make: Callable[[], Value]) -> None:
    value = make()

    assert type(value).parse(value.serialize()) == value


@pytest.mark.parametrize(
    "make",
    [
        lambda: Connection("a.example", "X", address_count=2),
        lambda: Connection("x", "IP4", "ATM", ttl=1),
        lambda: Connection("a.example", address_count=2),
        lambda: IceOptions(("ice2,trickle",)),
        lambda: ImageAttr("96", " send *"),
        lambda: Repeat(1, -1, (0,)),
        lambda: Repeat(1, 1, (2**64,)),
        lambda: ZoneAdjustments(()),
        lambda: ZoneAdjustments(((-1, 0),)),
        lambda: Rid("a", RidDirection.SEND, (), (("pt", "97"),)),
        lambda: Rid("a", RidDirection.SEND, (), (("max-br", "1 "),)),
    ],
)
def test_what_could_not_be_read_back_cannot_be_made(make: Callable[[], Value]) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - each says what is wrong in its own words
        make()
