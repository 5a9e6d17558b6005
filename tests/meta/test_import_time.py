"""Import time is set-up time: what a program loads is what it uses.

Modules are counted, not milliseconds: these do not depend on the machine. `nox -s bench -- import` measures the time.
"""

import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGES = Path(__file__).parent.parent.parent / "packages"
SOURCES = [*sorted(str(path) for path in PACKAGES.glob("*/src")), str(PACKAGES.parent)]
LAZY_ROOTS = sorted(
    path.parent.name for path in PACKAGES.glob("*/src/*/__init__.py") if "_DEFINED_IN" in path.read_text("utf-8")
)

X509 = "certificates that are kept"

OF_OTHER_PROGRAMS = {
    "cryptography.hazmat.primitives.serialization": X509,
    "cryptography.x509": X509,
    "ifaddr": "interfaces are listed when candidates are gathered",
    "pathlib": "files",
    "rtc_asyncio.stats": "getStats()",
    "rtc_datachannel.endpoint": "made with the first channel",
    "rtc_dtls.connection": "made when both descriptions are known",
    "rtc_ice.agent": "made with the first description",
    "rtc_peer.media": "media",
    "rtc_peer.media_flow": "media",
    "rtc_peer.media_transport": "media",
    "rtc_peer.statistics": "getStats()",
    "rtc_rtp": "media",
    "rtc_sdp.registry": "checks of descriptions know all attributes, reading one knows those it asks for",
    "rtc_sdp.formats": "media",
    "rtc_sdp.rtp": "media",
    "rtc_sdp.simulcast": "media",
    "rtc_sdp.standard": "texts for people, and media",
    "rtc_sctp.association": "made with the first channel",
    "rtc_srtp": "media",
    "rtc_stun.client": "ICE speaks STUN itself",
    "rtc_stun.client_authentication": "STUN and TURN servers that ask who one is",
    "rtc_stun.message": "made with the first description",
    "rtc_stun.server": "STUN servers",
    "rtc_stun.uri": "configurations that name a server",
    "stringprep": "passwords as RFC 5389 prepared them",
}
"""What a program with nothing but data channels does not load, and who does."""


def _loaded_by(statement: str) -> set[str]:
    """Names of the modules that an interpreter has after a statement."""
    done = subprocess.run(
        [sys.executable, "-c", f"{statement}\nimport sys\nprint(*sys.modules)"],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(SOURCES)},
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stdout.split())


def test_the_peer_connection_loads_nothing_of_other_programs() -> None:
    loaded = _loaded_by("from rtc_asyncio import RTCDataChannel, RTCPeerConnection")

    assert {"rtc_asyncio.peer_connection", "rtc_sdp.session", "rtc_dtls.config"} <= loaded
    assert loaded & OF_OTHER_PROGRAMS.keys() == set()


def test_a_connection_with_nothing_but_data_loads_neither_media_nor_x509() -> None:
    loaded = _loaded_by("from tests.peer.pair import Pair\nPair().connect()")

    assert "rtc_sctp.association" in loaded
    assert {OF_OTHER_PROGRAMS[each] for each in loaded & OF_OTHER_PROGRAMS.keys()} & {"media", X509} == set()


@pytest.mark.parametrize(("spoken", "other"), [("13", "12"), ("12", "13")])
def test_a_handshake_loads_the_engines_of_its_version_alone(spoken: str, other: str) -> None:
    pair = "Ends(*configs())" if spoken == "13" else "Ends()"
    loaded = _loaded_by(f"from tests.dtls.ends13 import Ends, configs\n{pair}.connect()")

    assert {f"rtc_dtls.client{spoken}", f"rtc_dtls.server{spoken}"} <= loaded
    assert {f"rtc_dtls.client{other}", f"rtc_dtls.server{other}"} & loaded == set()


@pytest.mark.parametrize("name", LAZY_ROOTS)
def test_a_lazy_root_loads_nothing_by_itself(name: str) -> None:
    loaded = _loaded_by(f"import {name}")

    assert {module for module in loaded if module.startswith("rtc_")} == {name, f"{name}._version"}
    assert "asyncio" not in loaded
    assert "dataclasses" not in loaded


@pytest.mark.parametrize("name", LAZY_ROOTS)
def test_a_lazy_root_knows_where_every_public_name_is(name: str) -> None:
    root = importlib.import_module(name)
    table = [public for names in root._DEFINED_IN.values() for public in names.split()]

    assert sorted([*table, "__version__"]) == root.__all__ == dir(root)
    assert set(table) & root._DEFINED_IN.keys() == set(), "a module would hide the name"
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        root.nothing  # noqa: B018 - to read it is the test


def test_the_codecs_are_lazy() -> None:
    assert {"rtc_sdp", "rtc_stun", "rtc_dtls", "rtc_sctp", "rtc_peer", "rtc_asyncio"} <= set(LAZY_ROOTS)
