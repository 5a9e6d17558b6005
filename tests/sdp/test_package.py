"""The public face of the package."""

import rtc_sdp
from rtc_sdp import KNOWN_ATTRIBUTES, TypedAttribute


def test_the_public_names_are_sorted_and_exist() -> None:
    assert rtc_sdp.__all__ == sorted(set(rtc_sdp.__all__))
    assert all(hasattr(rtc_sdp, name) for name in rtc_sdp.__all__)


def test_every_attribute_class_is_public_and_registered_under_its_name() -> None:
    for name, kind in KNOWN_ATTRIBUTES.items():
        assert name == kind.NAME
        assert issubclass(kind, TypedAttribute)
        assert getattr(rtc_sdp, kind.__name__) is kind
