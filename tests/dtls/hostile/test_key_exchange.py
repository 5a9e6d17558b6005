"""Classes 18 and 19: key shares, the extended master secret, and the exporter."""

import pytest
from tests.dtls.conformance import keys, wire
from tests.dtls.conformance.alerts import DECODE_ERROR, HANDSHAKE_FAILURE, ILLEGAL_PARAMETER
from tests.dtls.conformance.scripted import ScriptedClient
from tests.dtls.conformance.subject import CLIENT, SERVER, connect, face, face_client, face_server
from tests.dtls.conformance.wire import vector, words

from rtc_dtls import StateError

BOTH = pytest.mark.parametrize("role", [CLIENT, SERVER])

# --- 18: key shares ---


def bad_points() -> dict[str, tuple[int, bytes]]:
    off_curve = b"\x04" + (5).to_bytes(32, "big") + (7).to_bytes(32, "big")
    return {
        "X25519 all zero": (keys.X25519, bytes(32)),
        "X25519 of small order": (keys.X25519, b"\x01" + bytes(31)),
        "X25519 of order 8": (
            keys.X25519,
            bytes.fromhex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),
        ),
        "X25519 p": (keys.X25519, bytes.fromhex("edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f")),
        "X25519 too short": (keys.X25519, b"\x09" + bytes(30)),
        "X25519 too long": (keys.X25519, b"\x09" + bytes(32)),
        "X25519 empty": (keys.X25519, b""),
        "P-256 off the curve": (keys.P256, off_curve),
        "P-256 all zero": (keys.P256, b"\x04" + bytes(64)),
        "P-256 coordinates too large": (keys.P256, b"\x04" + b"\xff" * 64),
        "P-256 compressed": (keys.P256, keys.Ephemeral(keys.P256).compressed_point),
        "P-256 hybrid": (keys.P256, b"\x06" + keys.Ephemeral(keys.P256).point[1:]),
        "P-256 infinity": (keys.P256, b"\x00"),
        "P-256 too short": (keys.P256, keys.Ephemeral(keys.P256).point[:-1]),
        "P-256 too long": (keys.P256, keys.Ephemeral(keys.P256).point + b"\0"),
        "P-256 of another curve": (keys.P256, keys.Ephemeral(keys.P384).point),
        "P-256 empty": (keys.P256, b""),
    }


POINTS = bad_points()


@pytest.mark.parametrize("name", POINTS)
@pytest.mark.spec("rfc8422:5.11/1", "rfc8422:5.11/2", "rfc8422:5.11/3", "rfc8422:5.10/2", "rfc8422:5.1.2/2")
def test_class_18_bad_point_of_the_server(name: str) -> None:
    group, point = POINTS[name]
    peer, subject = face_client()
    peer.begin()
    hello, certificate = peer.server_hello(), peer.certificate()
    parameters = b"\x03" + group.to_bytes(2, "big") + vector(1, point)

    peer.say(
        hello, certificate, peer.key_exchange(parameters=parameters), peer.certificate_request(), peer.hello_done()
    )

    assert peer.fatal == (ILLEGAL_PARAMETER if point else DECODE_ERROR)
    assert not peer.got(wire.CLIENT_KEY_EXCHANGE)
    assert subject.closed


@pytest.mark.parametrize("name", POINTS)
@pytest.mark.spec("rfc8422:5.11/1", "rfc8422:5.11/2", "rfc8422:5.11/3", "rfc8422:5.10/2", "rfc8422:5.1.2/2")
def test_class_18_bad_point_of_the_client(name: str) -> None:
    group, point = POINTS[name]
    peer, subject = face_server(kind="rsa", who=keys.identity("rsa"))
    peer.suite = keys.ECDHE_RSA_AES_128_GCM_SHA256
    peer.send_hello(peer.hello(extensions=peer.extensions(groups=vector(2, words([group])))))

    peer.say(peer.certificate(), peer.key_exchange(point=point))

    assert peer.fatal == (ILLEGAL_PARAMETER if point else DECODE_ERROR)
    assert subject.closed


@BOTH
def test_class_18_key_share_is_fresh_in_every_handshake(role: str) -> None:
    points = set()
    for seed in ("one", "two"):
        peer, _ = connect(role, seed=seed)
        if isinstance(peer, ScriptedClient):
            points.add(peer.server_key_exchange.point)
        else:
            points.add(peer.last(wire.CLIENT_KEY_EXCHANGE).body)

    assert len(points) == 2


@pytest.mark.spec(
    "rfc8422:5.1/2", "rfc8422:5.1.2/3", "rfc8422:5.1.2/5", "rfc8422:4/1", "rfc8422:5.1/1", "rfc8422:5.1.1/1"
)
def test_class_18_client_lists_groups_and_the_uncompressed_format() -> None:
    peer, _ = face_client()
    peer.begin()

    groups = wire.split_words(peer.offered[wire.SUPPORTED_GROUPS][2:])
    assert {keys.X25519, keys.P256} <= set(groups)
    assert peer.offered[wire.EC_POINT_FORMATS] == b"\x01\x00"


@pytest.mark.spec("rfc8422:5.1.2/4")
@pytest.mark.parametrize("formats", [b"\x01\x01", b"\x02\x01\x02", b"\x01\xff"])
def test_class_18_client_without_the_uncompressed_format(formats: bytes) -> None:
    peer, subject = face_server(cookies=False)

    peer.send_hello(peer.hello(extensions=peer.extensions(point_formats=formats)))

    assert peer.fatal == ILLEGAL_PARAMETER
    assert subject.closed


# --- 19: extended master secret and the exporter ---


@pytest.mark.spec("rfc7627:5.2/3", "rfc7627:4/2")
def test_class_19_client_without_extended_master_secret_is_refused() -> None:
    peer, subject = face_server(cookies=False)

    peer.send_hello(peer.hello(extensions=peer.extensions(extended_master_secret=None)))

    assert peer.fatal == HANDSHAKE_FAILURE
    assert subject.closed


@pytest.mark.spec("rfc7627:5.2/5", "rfc7627:4/2", "rfc5246:7.4.1.2/11")
def test_class_19_server_without_extended_master_secret_is_refused() -> None:
    peer, subject = face_client()
    peer.begin()

    peer.say(peer.server_hello(extensions=peer.extensions(extended_master_secret=None)))

    assert peer.fatal == HANDSHAKE_FAILURE
    assert subject.closed


@BOTH
@pytest.mark.spec("rfc5705:4/1", "rfc5705:4/2", "rfc5705:4/3", "rfc5705:4/4", "rfc5705:4/7")
def test_class_19_exporter_tells_an_absent_context_from_an_empty_one(role: str) -> None:
    peer, subject = connect(role)
    seed = peer.client_random + peer.server_random

    absent = subject.export("EXPERIMENTAL test", 40)
    empty = subject.export("EXPERIMENTAL test", 40, b"")
    some = subject.export("EXPERIMENTAL test", 40, b"context")

    assert absent == keys.prf("sha256", peer.master, b"EXPERIMENTAL test", seed, 40)
    assert empty == keys.prf("sha256", peer.master, b"EXPERIMENTAL test", seed + b"\0\0", 40)
    assert some == keys.prf("sha256", peer.master, b"EXPERIMENTAL test", seed + b"\0\x07context", 40)


@BOTH
@pytest.mark.parametrize(
    "label", ["client finished", "server finished", "master secret", "key expansion", "extended master secret"]
)
@pytest.mark.spec("rfc5705:6/1")
def test_class_19_exporter_refuses_labels_of_the_handshake(role: str, label: str) -> None:
    _, subject = connect(role)

    with pytest.raises(ValueError, match="exporter"):
        subject.export(label, 32)


@BOTH
def test_class_19_nothing_is_exported_before_finished_is_verified(role: str) -> None:
    peer, subject = face(role)
    peer.open()
    peer.say(*peer.flight())

    with pytest.raises(StateError):
        subject.export("EXTRACTOR-dtls_srtp", 60)
