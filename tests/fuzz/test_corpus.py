"""Everything that fuzzing found interesting is tried again by every run of the tests."""

import pytest
from tests.fuzz.__main__ import TARGETS as NAMES
from tests.fuzz.corpus import honest, load
from tests.fuzz.targets import TARGETS


@pytest.mark.parametrize("target", NAMES)
def test_the_kept_inputs_break_nothing(target: str) -> None:
    inputs = load(target)
    assert inputs

    for data in [*inputs, *honest(target)]:
        TARGETS[target](data)


def test_every_target_is_fuzzed() -> None:
    assert tuple(TARGETS) == NAMES
