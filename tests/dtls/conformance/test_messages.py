"""What our side puts on the wire, read by an independent codec."""

import pytest
from rtc_dtls import StateError
from tests.dtls.conformance import keys, wire
from tests.dtls.conformance.scripted import ScriptedClient, ScriptedPeer, ScriptedServer
from tests.dtls.conformance.subject import CLIENT, SERVER, connect, face, face_client, face_server
from tests.dtls.conformance.wire import APPLICATION_DATA, CHANGE_CIPHER_SPEC, HANDSHAKE, vector, words

BOTH = pytest.mark.parametrize("role", [CLIENT, SERVER])


def kinds(peer: ScriptedPeer) -> list[int]:
    return [message.msg_type for message in peer.messages]


# --- records ---


@BOTH
@pytest.mark.spec(
    "rfc6347:4.1/1",
    "rfc6347:4.1/2",
    "rfc6347:4.1/3",
    "rfc6347:4.1/4",
    "rfc5246:6.1/1",
    "rfc5246:6.1/2",
    "rfc5246:6.1/3",
)
def test_records_are_numbered_from_zero_in_every_epoch(role: str) -> None:
    peer, subject = connect(role)
    for _ in range(3):
        subject.send(b"data")
        peer.pump()

    sealed = (
        peer.sealed[1:] if role == SERVER else peer.sealed
    )  # the first record of a server repeats the client's number
    for epoch in (0, 1):
        numbers = [record.sequence for record in sealed if record.epoch == epoch]
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
        assert numbers[0] <= (1 if epoch == 0 else 0)
    assert [record.epoch for record in sealed] == sorted(record.epoch for record in sealed)
    assert {record.version for record in sealed[1:]} == {wire.DTLS_1_2}
    change = [index for index, record in enumerate(sealed) if record.content_type == CHANGE_CIPHER_SPEC]
    assert change == [[record.epoch for record in sealed].index(1) - 1]


@BOTH
@pytest.mark.spec("rfc5246:7.1/1", "rfc5246:7.1/2", "rfc5246:7.4.9/7", "rfc6347:4.1/6")
def test_change_cipher_spec_is_followed_by_finished_under_the_new_keys(role: str) -> None:
    peer, subject = connect(role)
    subject.send(b"data")
    subject.close(peer.now)
    peer.pump()

    at = next(index for index, record in enumerate(peer.records) if record.content_type == CHANGE_CIPHER_SPEC)
    finished = peer.records[at + 1]
    assert peer.records[at].fragment == b"\x01"
    assert (finished.content_type, finished.epoch, finished.sequence) == (HANDSHAKE, 1, 0)
    assert finished.fragment[0] == wire.FINISHED
    assert {record.epoch for record in peer.records[at + 1 :]} == {1}


@BOTH
@pytest.mark.spec("rfc5246:6/1", "rfc5246:6.2.1/3")
def test_only_defined_record_types_are_sent_and_none_is_empty(role: str) -> None:
    peer, subject = connect(role)
    subject.send(b"data")
    subject.close(peer.now)
    peer.pump()

    assert {record.content_type for record in peer.records} <= {20, 21, 22, 23}
    assert all(record.fragment for record in peer.records)


@BOTH
@pytest.mark.spec("rfc6347:4.1.1.1/3", "rfc5246:6.2.1/2", "rfc5246:6.2.3/1", "rfc6347:4.1.1.1/6")
def test_message_of_the_largest_size_is_one_record_and_a_larger_one_is_refused(role: str) -> None:
    peer, subject = connect(role)

    subject.send(bytes(2**14))
    peer.pump()
    with pytest.raises(ValueError, match="bytes"):
        subject.send(bytes(2**14 + 1))
    peer.send_data(bytes(2**14))

    assert [len(data) for data in peer.data] == [2**14]
    assert [len(data) for data in subject.received] == [2**14]
    assert max(len(record.fragment) for record in peer.sealed) <= 2**14 + 2048


@BOTH
def test_record_that_decrypts_to_more_than_the_largest_size_is_dropped(role: str) -> None:
    peer, subject = connect(role)

    peer.send_data(bytes(2**14 + 1))
    peer.send_data(b"goes on")

    assert subject.received == [b"goes on"]


@BOTH
@pytest.mark.spec("rfc6347:4.1.2.6/2")
def test_first_record_of_the_epoch_has_number_zero_and_is_read(role: str) -> None:
    peer, subject = face(role)
    peer.shake()

    assert peer.sequences[1] == 1
    assert subject.connected


@BOTH
@pytest.mark.spec("rfc6347:4.1.1/3", "rfc6347:4.2.3/9")
def test_several_records_in_a_datagram_and_several_messages_in_a_record_are_read(role: str) -> None:
    peer, subject = face(role)
    if isinstance(peer, ScriptedClient):
        peer.send_hello()
        messages = [peer.certificate(), peer.key_exchange(), peer.certificate_verify()]
    else:
        messages = peer.begin().flight()
    together = b"".join(message.serialize() for message in messages)

    first = peer.record(HANDSHAKE, together)
    if isinstance(peer, ScriptedServer):
        peer.send(first)
    change = peer.change_cipher_spec()
    finished = peer.record(HANDSHAKE, peer.finished().serialize())
    data = [peer.record(APPLICATION_DATA, b"one"), peer.record(APPLICATION_DATA, b"two")]
    peer.send(*([first] if role == SERVER else []), change, finished, *data)

    assert subject.connected
    assert subject.received == [b"one", b"two"]


@BOTH
@pytest.mark.spec("rfc6347:4.1.1.1/4")
def test_expansion_of_a_record_is_told(role: str) -> None:
    for suite in sorted(keys.SUITES):
        peer, subject = connect(role, suite=suite)
        peer.forget()

        subject.send(bytes(100))
        peer.pump()

        assert subject.expansion is not None
        assert len(peer.datagrams[0]) == 100 + subject.expansion


# --- fragments and datagrams ---


@BOTH
@pytest.mark.parametrize("mtu", [256, 300, 576, 1200, 1400])
@pytest.mark.spec(
    "rfc6347:4.1.1/1",
    "rfc6347:4.1.1/2",
    "rfc6347:4.1.1.1/8",
    "rfc6347:4.2.3/1",
    "rfc6347:4.2.3/2",
    "rfc6347:4.2.3/3",
    "rfc6347:4.2.3/4",
    "rfc6347:4.2.3/5",
)
def test_flights_are_cut_to_the_mtu_without_gap_or_overlap(role: str, mtu: int) -> None:
    peer, subject = face(role, mtu=mtu, kind="rsa")
    if isinstance(peer, ScriptedClient):
        peer.suite = keys.ECDHE_RSA_AES_128_GCM_SHA256
    peer.shake()

    assert subject.connected
    assert max(map(len, peer.datagrams)) <= mtu
    covered: dict[int, int] = {}
    lengths: dict[int, set[tuple[int, int | None]]] = {}
    for record in peer.records:
        if record.content_type == HANDSHAKE:
            for fragment in wire.parse_fragments(record.fragment):
                assert fragment.offset == covered.get(fragment.message_seq, 0)
                covered[fragment.message_seq] = fragment.offset + len(fragment.data)
                lengths.setdefault(fragment.message_seq, set()).add((fragment.msg_type, fragment.length))
    assert all(len(heads) == 1 for heads in lengths.values())
    for seq, heads in lengths.items():
        assert covered[seq] == next(iter(heads))[1]


@BOTH
def test_datagram_is_full_before_the_next_begins(role: str) -> None:
    peer, _ = face_server(mtu=300, kind="rsa", cookies=False) if role == SERVER else face_client(mtu=300, kind="rsa")
    if isinstance(peer, ScriptedClient):
        peer.suite = keys.ECDHE_RSA_AES_128_GCM_SHA256
        peer.send_hello()
    else:
        peer.begin()
        peer.forget()
        peer.say(*peer.flight())

    assert len(peer.datagrams) > 2
    for datagram in peer.datagrams[:-1]:
        assert len(datagram) > 300 - 13 - 12 - 1 - 24


@BOTH
@pytest.mark.spec("rfc6347:4.2.2/1", "rfc6347:4.2.2/2")
def test_messages_are_numbered_from_zero(role: str) -> None:
    peer, _ = connect(role)

    assert [message.message_seq for message in peer.messages] == list(range(len(peer.messages)))


@BOTH
@pytest.mark.spec("rfc6347:4.1.1.1/9")
def test_flight_without_an_answer_is_cut_smaller(role: str) -> None:
    peer, _ = face_server(cookies=False, kind="rsa", mtu=1400) if role == SERVER else face_client(kind="rsa", mtu=1400)
    if isinstance(peer, ScriptedClient):
        peer.suite = keys.ECDHE_RSA_AES_128_GCM_SHA256
        peer.send_hello()
    else:
        peer.begin()
        peer.say(*peer.flight())
    largest = []
    for _ in range(6):
        peer.forget()
        peer.expire()
        largest.append(max(map(len, peer.datagrams)))

    assert largest[-1] < largest[0]
    assert largest[-1] >= 256


# --- messages ---


@pytest.mark.spec("rfc5246:7.4/1", "rfc5246:7.4.2/1", "rfc5246:7.4.5/1", "rfc5246:7.4.4/1", "rfc5246:7.4.1.3/4")
def test_flight_of_the_server_is_in_order() -> None:
    peer, _ = connect(SERVER)

    assert kinds(peer)[-6:] == [2, 11, 12, 13, 14, 20]
    assert peer.last(wire.SERVER_HELLO_DONE).body == b""


@pytest.mark.spec("rfc5246:7.4/1", "rfc5246:7.3/2", "rfc5246:7.4.7/1", "rfc5246:7.4.8/1")
def test_flight_of_the_client_is_in_order() -> None:
    peer, _ = connect(CLIENT)

    assert kinds(peer) == [1, 11, 16, 15, 20]


def test_client_that_is_not_asked_sends_no_certificate() -> None:
    peer, subject = face_client()
    peer.begin()
    peer.say(*peer.flight(request=False))
    peer.finish()

    assert kinds(peer) == [1, 16, 20]
    assert subject.connected


@pytest.mark.parametrize("kind", ["ecdsa", "rsa"])
@pytest.mark.spec(
    "rfc5246:7.4.2/2",
    "rfc5246:7.4.2/3",
    "rfc5246:7.4.2/7",
    "rfc5246:7.4.2/9",
    "rfc5246:7.4.2/12",
    "rfc5246:7.4.3/6",
    "rfc5246:7.4.3/7",
    "rfc5246:4.7/1",
)
def test_server_signs_with_the_key_of_its_certificate_and_the_suite_fits(kind: str) -> None:
    suite = keys.ECDHE_RSA_AES_128_GCM_SHA256 if kind == "rsa" else keys.ECDHE_ECDSA_AES_128_GCM_SHA256
    peer, subject = face_server(kind=kind)
    both = [keys.ECDHE_ECDSA_AES_128_GCM_SHA256, keys.ECDHE_RSA_AES_128_GCM_SHA256]

    peer.send_hello(peer.hello(cipher_suites=both))
    peer.answer()

    assert peer.suite == suite
    assert peer.peer_certificates[0] == subject.certificate
    assert subject.connected


@pytest.mark.parametrize("algorithm", [0x0401, 0x0501, 0x0601, 0x0804])
@pytest.mark.spec("rfc5246:7.4.3/4", "rfc5246:7.4.1.4.1/7")
def test_server_signs_with_an_algorithm_of_the_client(algorithm: int) -> None:
    peer, subject = face_server(kind="rsa", who=keys.identity("rsa"))
    peer.suite = keys.ECDHE_RSA_AES_128_GCM_SHA256
    offered = [0x0807, 0x0201, algorithm]
    peer.send_hello(peer.hello(extensions=peer.extensions(signature_algorithms=vector(2, words(offered)))))

    assert peer.server_key_exchange.algorithm == algorithm
    peer.answer()
    assert subject.connected


@pytest.mark.parametrize("kind", ["ecdsa", "rsa"])
@pytest.mark.spec(
    "rfc5246:7.4.4/2", "rfc5246:7.4.4/4", "rfc5246:7.4.4/5", "rfc5246:7.4.6/4", "rfc5246:7.4.6/5", "rfc5246:7.4.6/6", "rfc5246:7.4.6/7",
    "rfc5246:7.4.8/2", "rfc5246:7.4.8/3", "rfc5246:7.4.8/4", "rfc5246:7.4.8/5", "rfc8422:3.1/1", "rfc8422:5.6/1", "rfc8422:5.8/1", "rfc5246:7.4.2/8",
)  # fmt: skip
def test_client_proves_the_key_of_its_certificate(kind: str) -> None:
    peer, subject = face_client(kind=kind)
    peer.shake()

    assert peer.peer_certificates == [subject.certificate]
    assert peer.client_algorithm in {keys.ECDSA_SHA256, keys.RSA_PKCS1_SHA256}
    assert subject.connected


@pytest.mark.parametrize(
    ("types", "algorithms"),
    [
        (b"\x01", [keys.RSA_PKCS1_SHA256]),
        (b"\x40", [keys.RSA_PKCS1_SHA256]),
        (b"\x01", [keys.ECDSA_SHA256]),
        (b"\x40", [0x0807]),
        (b"\x02\x03", [0x0203]),
    ],
)
@pytest.mark.spec("rfc5246:7.4.6/1", "rfc8422:3/1", "rfc8422:3/2")
def test_client_whose_certificate_does_not_suit_sends_an_empty_one(types: bytes, algorithms: list[int]) -> None:
    peer, _ = face_client(kind="ecdsa")
    peer.begin()

    peer.say(
        peer.server_hello(),
        peer.certificate(),
        peer.key_exchange(),
        peer.certificate_request(algorithms, types),
        peer.hello_done(),
    )

    if peer.fatal is None:
        assert peer.last(wire.CERTIFICATE).body == bytes(3)
        assert not peer.got(wire.CERTIFICATE_VERIFY)


@pytest.mark.spec("rfc5246:A.6/1")
def test_client_skips_unknown_types_algorithms_and_authorities_in_the_request() -> None:
    peer, subject = face_client()
    peer.begin()
    authorities = vector(2, b"\x30\x00") + vector(2, b"anything")
    body = wire.certificate_request_body(b"\xff\x02\x40", [0x9999, 0x0807, keys.ECDSA_SHA256], authorities)
    request = [
        peer.server_hello(),
        peer.certificate(),
        peer.key_exchange(),
        peer.message(wire.CERTIFICATE_REQUEST, body),
        peer.hello_done(),
    ]
    peer.say(*request)
    peer.finish()

    assert subject.connected


@pytest.mark.spec("rfc5246:7.4.4/1", "rfc8422:5.5/1", "rfc5246:7.4.1.4.1/1")
def test_server_asks_for_ecdsa_and_rsa_certificates() -> None:
    peer, _ = connect(SERVER)
    reader = wire.Reader(peer.last(wire.CERTIFICATE_REQUEST).body)
    types, algorithms = reader.vector(1), wire.split_words(reader.vector(2))

    assert set(types) >= {1, 64}
    assert {keys.ECDSA_SHA256, keys.RSA_PKCS1_SHA256} <= set(algorithms)
    assert all(algorithm & 0xFF != 0 and algorithm >> 8 not in (1, 2, 3) for algorithm in algorithms)


@pytest.mark.spec("rfc5246:7.4.6/2")
def test_server_without_a_demand_goes_on_without_a_client_certificate() -> None:
    peer, subject = face_server(require_certificate=False)
    peer.send_hello()
    if peer.got(wire.CERTIFICATE_REQUEST):
        peer.say(peer.certificate([]), peer.key_exchange())
    else:
        peer.say(peer.key_exchange())
    peer.finish()

    assert subject.connected


@pytest.mark.spec(
    "rfc5246:7.4.1.4.1/1", "rfc5246:7.4.1.4.1/3", "rfc5246:7.4.1.2/6", "rfc5246:7.4.1.2/9", "rfc5246:7.4.1.2/10", "rfc5246:E.1/6",
    "rfc7627:5.2/1", "rfc7627:5.1/2", "rfc5746:3.4/1", "rfc5288:4/1", "rfc5288:4/2", "rfc5246:7.4.1.4/4",
)  # fmt: skip
def test_client_hello_offers_what_it_should() -> None:
    peer, _ = face_client()
    peer.begin()
    hello = peer.client_hello
    algorithms = wire.split_words(peer.offered[wire.SIGNATURE_ALGORITHMS][2:])

    assert hello.version == wire.DTLS_1_2
    assert hello.session_id == b""
    assert hello.compression_methods == b"\0"
    assert peer.offered[wire.EXTENDED_MASTER_SECRET] == b""
    assert len(peer.offered) == len(hello.extensions or [])
    assert {keys.ECDSA_SHA256, keys.RSA_PKCS1_SHA256} <= set(algorithms)
    assert all(algorithm & 0xFF != 0 and algorithm >> 8 not in (1, 2, 3) for algorithm in algorithms)
    assert peer.records[0].version in (wire.DTLS_1_0, wire.DTLS_1_2)


@pytest.mark.spec(
    "rfc7627:5.2/2",
    "rfc7627:5.1/2",
    "rfc8422:5.2/2",
    "rfc5246:7.4.1.4/1",
    "rfc5746:3.6/7",
    "rfc5246:7.4.1.4.1/6",
    "rfc5288:4/3",
)
def test_server_hello_answers_what_it_should() -> None:
    peer, _ = face_server()
    peer.shake()
    answered = dict(peer.chosen.extensions or [])

    assert peer.chosen.version == wire.DTLS_1_2
    assert peer.chosen.session_id == b""
    assert answered[wire.EXTENDED_MASTER_SECRET] == b""
    assert answered.get(wire.EC_POINT_FORMATS, b"\x01\x00") == b"\x01\x00"
    assert set(answered) <= {code for code, _ in peer.extensions()}
    assert wire.SIGNATURE_ALGORITHMS not in answered


@pytest.mark.spec("rfc8422:5.2/3")
@pytest.mark.parametrize("formats", [b"\x01\x00", b"\x02\x01\x00", b"\x03\x00\x01\x02"])
def test_client_takes_a_server_that_lists_uncompressed(formats: bytes) -> None:
    peer, subject = face_client()
    peer.begin()
    peer.say(*peer.flight(extensions=peer.extensions(point_formats=formats)))
    peer.finish()

    assert subject.connected


@pytest.mark.spec("rfc8422:5.2/3")
@pytest.mark.parametrize("formats", [b"\x01\x01", b"", b"\x00", b"\x02\x00"])
def test_client_refuses_a_server_that_does_not_list_uncompressed(formats: bytes) -> None:
    peer, subject = face_client()
    peer.begin()

    peer.say(peer.server_hello(extensions=peer.extensions(point_formats=formats)))

    assert peer.fatal in {47, 50}
    assert subject.closed


@pytest.mark.spec("rfc5246:7.4.1.2/12")
def test_client_hello_without_any_extensions_is_understood() -> None:
    """It is understood; but it lacks the extended master secret, which WebRTC demands."""
    peer, subject = face_server(cookies=False)
    peer.send_hello(peer.hello(extensions=None))
    tolerant, tolerant_subject = face_server(cookies=False, extended_master_secret=False, kind="ecdsa")
    tolerant.send_hello(tolerant.hello(extensions=None))

    assert peer.fatal == 40
    assert tolerant.fatal in {None, 40}
    assert subject.closed
    assert not tolerant_subject.connected


# --- suites and derivations ---


@BOTH
@pytest.mark.parametrize("suite", sorted(keys.SUITES))
@pytest.mark.spec(
    "rfc5288:3/1", "rfc5288:3/4", "rfc5289:3.2/1", "rfc5289:3.2/2", "rfc7905:2/1", "rfc7905:2/2", "rfc7905:2/3", "rfc7905:2/4", "rfc7905:3/1",
    "rfc5246:6.3/1", "rfc5246:6.3/2", "rfc5246:6.2.3.3/2", "rfc5246:5/3", "rfc5246:5/4", "rfc7627:6.2/1",
)  # fmt: skip
def test_every_suite_agrees_with_an_independent_implementation(role: str, suite: int) -> None:
    peer, subject = connect(role, suite=suite)
    subject.send(b"there")
    peer.pump()
    peer.send_data(b"back")
    overhead = len(peer.sealed[-1].fragment) - len(b"there")

    assert subject.suite == suite
    assert peer.data == [b"there"]
    assert subject.received == [b"back"]
    assert overhead == keys.SUITES[suite].explicit_length + 16


@BOTH
@pytest.mark.parametrize("group", [keys.X25519, keys.P256, keys.P384])
@pytest.mark.spec("rfc8422:5.10/1", "rfc8422:5.1.2/1", "rfc8422:5.11/1", "rfc8422:5.7/1")
def test_every_group_agrees_with_an_independent_implementation(role: str, group: int) -> None:
    for number in range(4):
        if role == SERVER:
            peer, subject = face_server(kind="rsa", who=keys.identity("rsa"), cookies=False, seed=str(number))
            peer.suite = keys.ECDHE_RSA_AES_128_GCM_SHA256
            peer.send_hello(peer.hello(extensions=peer.extensions(groups=vector(2, words([group])))))
            peer.answer()
        else:
            server, subject = face_client(seed=str(number))
            server.begin()
            server.say(
                server.server_hello(),
                server.certificate(),
                server.key_exchange(group=group),
                server.certificate_request(),
                server.hello_done(),
            )
            server.finish()

        assert subject.connected


@BOTH
@pytest.mark.spec("rfc5246:7.1/3", "rfc6347:4.1/9")
def test_finished_that_overtakes_its_flight_waits_for_it(role: str) -> None:
    peer, subject = face(role, cookies=False)
    peer.open()
    late = []
    if isinstance(peer, ScriptedClient):
        late = [peer.record(HANDSHAKE, message.serialize()) for message in peer.flight()]
    else:
        peer.say(*peer.flight())

    change = peer.change_cipher_spec()
    finished = peer.finished()
    peer.send(peer.record(HANDSHAKE, finished.serialize()), peer.record(APPLICATION_DATA, b"early"))
    peer.send(change)
    for record in late[::-1]:
        peer.send(record)
    if not subject.connected:  # discarding is allowed; then a repetition completes
        peer.say(finished)

    assert subject.connected
    assert subject.received in ([], [b"early"])


# --- extended master secret when it is not demanded ---


@BOTH
@pytest.mark.spec("rfc7627:5.2/4", "rfc7627:5.2/6", "rfc7627:5.4/1", "rfc7627:5.4/2", "rfc5246:8.1/1")
def test_without_extended_master_secret_the_handshake_completes_but_exports_nothing(role: str) -> None:
    if role == SERVER:
        peer, subject = face_server(extended_master_secret=False)
        peer.send_hello(peer.hello(extensions=peer.extensions(extended_master_secret=None)))
        assert wire.EXTENDED_MASTER_SECRET not in dict(peer.chosen.extensions or [])
        peer.answer()
    else:
        server, subject = face_client(extended_master_secret=False)
        server.begin()
        server.say(*server.flight(extensions=server.extensions(extended_master_secret=None)))
        server.finish()

    assert subject.connected
    with pytest.raises(StateError):
        subject.export("EXPERIMENTAL test", 32)


# --- ALPN ---


@pytest.mark.spec("rfc7301:3.1/1", "rfc7301:3.1/2")
def test_alpn_offer_lists_the_names_in_order() -> None:
    peer, subject = face_client(alpn=("webrtc", "c-webrtc"))
    peer.begin()
    assert peer.offered[wire.ALPN] == vector(2, vector(1, b"webrtc") + vector(1, b"c-webrtc"))

    peer.say(*peer.flight(extensions=[*peer.extensions(), (wire.ALPN, vector(2, vector(1, b"c-webrtc")))]))
    peer.finish()

    assert subject.alpn == "c-webrtc"


@pytest.mark.spec("rfc7301:3.1/3")
@pytest.mark.parametrize("name", ["", "x" * 256])
def test_alpn_name_that_does_not_fit_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="255"):
        face_client(alpn=(name,))


@pytest.mark.spec("rfc7301:3.1/3")
@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0\0",
        vector(2, b"\0"),
        vector(2, vector(1, b"webrtc") + b"\0"),
        vector(2, b"\x07webrtc"),
        vector(2, vector(1, b"webrtc")) + b"\0",
    ],
)
def test_alpn_offer_that_is_malformed_is_fatal(data: bytes) -> None:
    peer, subject = face_server(alpn=("webrtc",), cookies=False)

    peer.send_hello(peer.hello(extensions=[*peer.extensions(), (wire.ALPN, data)]))

    assert peer.fatal == 50
    assert subject.closed
