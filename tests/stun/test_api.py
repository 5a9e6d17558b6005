"""The public surface."""

import rtc_stun


def test_all_is_sorted_and_complete() -> None:
    assert rtc_stun.__all__ == sorted(rtc_stun.__all__)
    assert all(hasattr(rtc_stun, name) for name in rtc_stun.__all__)


def test_version() -> None:
    assert rtc_stun.__version__ == "0.1.0"
