"""The public surface."""

import rtc_rtp


def test_all_is_sorted_and_complete() -> None:
    assert rtc_rtp.__all__ == sorted(rtc_rtp.__all__)
    assert all(hasattr(rtc_rtp, name) for name in rtc_rtp.__all__)


def test_every_public_name_is_found_in_one_module() -> None:
    defined = [name for names in rtc_rtp._DEFINED_IN.values() for name in names.split()]

    assert sorted([*defined, "__version__"]) == rtc_rtp.__all__


def test_version() -> None:
    assert rtc_rtp.__version__ == "0.1.0"
