"""Every member that the W3C gives to the interfaces of connections and data is there, spelled as there."""

import json
from pathlib import Path

import pytest

import rtc_asyncio

MEMBERS: dict[str, list[str]] = json.loads(
    (Path(__file__).parent.parent / "vectors" / "w3c" / "members.json").read_text(encoding="utf-8")
)


@pytest.mark.parametrize("interface", MEMBERS)
def test_an_interface_has_all_its_members(interface: str) -> None:
    kind = getattr(rtc_asyncio, interface)
    annotated = {name for base in kind.__mro__ for name in getattr(base, "__annotations__", {})}
    slots = {name for base in kind.__mro__ for name in getattr(base, "__slots__", ())}

    missing = [name for name in MEMBERS[interface] if not hasattr(kind, name) and name not in annotated | slots]

    assert missing == []


def test_the_reference_shows_every_public_name() -> None:
    page = (Path(__file__).parent.parent.parent / "docs" / "packages" / "rtc-asyncio.md").read_text(encoding="utf-8")
    shown = {line.rpartition(":: ")[2] for line in page.splitlines() if line.startswith(".. auto")}

    assert shown == set(rtc_asyncio.__all__) - {"PeerOptions", "__version__"}  # the former is shown by rtc-peer
