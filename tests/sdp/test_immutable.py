"""What every value is: unchangeable, comparable, and one of `dataclasses`' own."""

import copy
import dataclasses
import pickle

import pytest

from rtc_sdp import Bandwidth, Candidate, IcePwd, IceUfrag, Mid, Origin, Problem, RtpMap, Value

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
