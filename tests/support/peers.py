"""The rule for tests that need a browser, a binary or another implementation."""

import os

import pytest


def require(condition: object, reason: str) -> None:
    """Skip the running test unless `condition` holds; fail instead where every peer has to be there.

    Continuous integration sets `RTC_REQUIRE_PEERS=1`, so that a missing browser is a failure there and a skip on a laptop.
    """
    if condition:
        return
    if os.environ.get("RTC_REQUIRE_PEERS") == "1":
        pytest.fail(f"required here: {reason}")
    pytest.skip(reason)
