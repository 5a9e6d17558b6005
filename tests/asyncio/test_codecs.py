"""How the codec package is found."""

import importlib.metadata
from importlib.metadata import EntryPoint

import pytest

from rtc_asyncio.codec_selection import CodecSelection, chosen_factory, has_default_codecs
from rtc_asyncio.codecs import ENTRY_POINT_GROUP, installed_codecs
from rtc_peer import MediaOptions

from .fake_codec import FakeCodecs

FACTORY = FakeCodecs()


@pytest.fixture
def declared(monkeypatch: pytest.MonkeyPatch) -> list[EntryPoint]:
    """What the packages of the environment declare."""
    entries: list[EntryPoint] = []
    monkeypatch.setattr(
        importlib.metadata, "entry_points", lambda *, group: entries if group == ENTRY_POINT_GROUP else []
    )
    monkeypatch.setattr("rtc_asyncio.codecs.installed_codecs", installed_codecs.__wrapped__)
    return entries


def declare(name: str, value: str) -> EntryPoint:
    return EntryPoint(name, value, ENTRY_POINT_GROUP)


def test_without_a_package_all_codecs_are_negotiated(declared: list[EntryPoint]) -> None:
    assert chosen_factory("installed") is None
    assert len(CodecSelection("installed").codecs("video")) > 5


def test_the_first_package_by_name_is_taken(declared: list[EntryPoint]) -> None:
    declared += [declare("b", "nothing:here"), declare("a", f"{__name__}:FACTORY")]

    assert chosen_factory("installed") is FACTORY
    assert [each.mime_type for each in CodecSelection("installed").codecs("video")] == ["video/VP8", "video/rtx"]


def test_a_package_that_cannot_be_loaded_is_left_out(
    declared: list[EntryPoint], caplog: pytest.LogCaptureFixture
) -> None:
    declared += [declare("a", "no_such_module:factory"), declare("b", f"{__name__}:FACTORY")]

    assert chosen_factory("installed") is FACTORY
    assert "no_such_module" in caplog.text


def test_a_package_may_be_chosen_or_refused() -> None:
    assert chosen_factory(FACTORY) is FACTORY
    assert chosen_factory(None) is None


def test_the_rest_of_the_options_is_left_to_the_application(declared: list[EntryPoint]) -> None:
    options = MediaOptions(rtcp_senders_bps=800, round_trip_reports=False)
    selection = CodecSelection(FACTORY, options)

    assert has_default_codecs(options)
    assert not has_default_codecs(MediaOptions(video_codecs=()))
    assert (selection.rtcp_senders_bps, selection.round_trip_reports) == (800, False)
    assert [each.mime_type for each in selection.codecs("video")] == ["video/VP8", "video/rtx"]
