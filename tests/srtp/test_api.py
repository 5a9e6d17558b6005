"""The public surface."""

import rtc_srtp


def test_all_is_sorted_and_complete() -> None:
    assert rtc_srtp.__all__ == sorted(rtc_srtp.__all__)
    assert all(hasattr(rtc_srtp, name) for name in rtc_srtp.__all__)


def test_version() -> None:
    assert rtc_srtp.__version__ == "0.1.0"
