"""The client of the long-term credential mechanism, against servers of the test's making (RFC 8489 section 9.2.5)."""

import pytest
from tests.stun.long_term import ALGORITHMS, CREDENTIAL, KEY_MD5, KEY_SHA256, REALM, authenticator
from tests.stun.pair import CLIENT, SERVER, Pair, respond

from rtc_stun import (
    Address,
    Algorithm,
    Attribute,
    ClientConfig,
    Datagram,
    FailureReason,
    Integrity,
    LongTermCredential,
    Message,
    MessageClass,
    MessageIntegrity,
    MessageIntegritySha256,
    Nonce,
    PasswordAlgorithm,
    PasswordAlgorithms,
    Realm,
    RequestFailed,
    RequestSucceeded,
    SecurityFeature,
    StunClient,
    UnknownAttribute,
    UserHash,
    Username,
    XorMappedAddress,
    nonce_cookie,
    userhash,
)
from rtc_stun.requests import MAX_CHALLENGES

MAPPED = XorMappedAddress(Address("203.0.113.1", 9))
NONCE_ALGORITHMS = Nonce(nonce_cookie(SecurityFeature.PASSWORD_ALGORITHMS) + b"1")
NONCE_OLD = Nonce(b"an old server's")
INTEGRITY_ATTRIBUTES = (MessageIntegrity, MessageIntegritySha256)


class Script:
    """A client and what its test answers."""

    def __init__(self, credential: LongTermCredential = CREDENTIAL, *, transport: str = "udp") -> None:
        self.client: StunClient = Pair(credential=credential, client_config=ClientConfig(transport=transport)).client
        self.now = 0.0
        self.request_id = self.client.send_request(SERVER, 0.0)
        self.transport_id = 0
        if transport == "tcp":
            self.client.transport_opened(self.transport_id, 0.0)
            self.client.events()
        self.transport = transport
        self.sent = b""
        self.collect()

    def collect(self) -> int:
        """Take the requests the client sends now; keep the last."""
        out: list[bytes] = [one.data for one in self.client.datagrams_to_send(self.now)]
        out += [one.data for one in self.client.stream_data_to_send(self.now)]
        if out:
            self.sent = out[-1]
        return len(out)

    def answer(
        self,
        *attributes: Attribute,
        error: int | None = None,
        key: bytes | None = None,
        integrity: Integrity = Integrity.SHA1,
    ) -> int:
        """Respond to the last request; return how many requests follow."""
        self.now += 0.1
        data = respond(self.sent, *attributes, error=error, key=key, integrity=integrity)
        if self.transport == "tcp":
            self.client.receive_stream_data(self.transport_id, data, self.now)
        else:
            self.client.receive_datagram(Datagram(data, CLIENT, SERVER), self.now)
        return self.collect()

    def failure(self) -> FailureReason:
        (event,) = self.client.events()
        assert isinstance(event, RequestFailed)
        return event.reason

    def run_out(self) -> None:
        while (deadline := self.client.next_timeout()) is not None:
            self.now = max(self.now, deadline)
            self.client.handle_timeout(self.now)
            self.collect()


@pytest.mark.spec("rfc8489:9.2.3.2/3")
def test_server_of_rfc_5389_gets_md5_and_sha1() -> None:
    script = Script()

    assert script.answer(REALM, NONCE_OLD, error=401) == 1
    retry = Message.parse(script.sent)

    assert retry.integrity is Integrity.SHA1
    retry.verify_integrity(KEY_MD5)
    assert retry.get(PasswordAlgorithm) is None
    script.answer(MAPPED, key=KEY_MD5)
    assert isinstance(script.client.events()[0], RequestSucceeded)


@pytest.mark.spec("rfc8489:9.2.5/11")
def test_algorithm_that_the_caller_left_out_is_not_used() -> None:
    strict = LongTermCredential(username="alice", password="secret", algorithms=[Algorithm.SHA256])
    choices = []
    for challenge in (
        (NONCE_ALGORITHMS, PasswordAlgorithms((PasswordAlgorithm(Algorithm.MD5), PasswordAlgorithm(Algorithm.SHA256)))),
        (NONCE_ALGORITHMS, PasswordAlgorithms((PasswordAlgorithm(Algorithm.MD5),))),
        (NONCE_OLD,),
    ):
        script = Script(strict)
        sent_count = script.answer(REALM, *challenge, error=401)
        choices.append(Message.parse(script.sent).get(PasswordAlgorithm) if sent_count else script.failure())

    assert choices == [PasswordAlgorithm(Algorithm.SHA256), FailureReason.NO_ALGORITHM, FailureReason.NO_ALGORITHM]


@pytest.mark.spec("rfc8489:9.2.5/11")
def test_no_known_algorithm_is_the_end() -> None:
    script = Script()

    assert script.answer(REALM, NONCE_ALGORITHMS, PasswordAlgorithms((PasswordAlgorithm(9),)), error=401) == 0
    assert script.failure() is FailureReason.NO_ALGORITHM


@pytest.mark.parametrize(
    "attributes", [(REALM,), (NONCE_OLD,), (), (REALM, Nonce(b"n" * 128)), (Realm("\u0007x"), NONCE_OLD)]
)
def test_useless_challenge_is_the_end(attributes: tuple[Realm | Nonce, ...]) -> None:
    script = Script()
    data = respond(script.sent, error=401)
    message = Message.parse(data)
    raw = b"".join(
        attribute.TYPE.to_bytes(2, "big") + len(value).to_bytes(2, "big") + value + bytes(-len(value) & 3)
        for attribute in attributes
        for value in [attribute.value if isinstance(attribute, Nonce) else attribute.text.encode()]
    )
    body = data[20:] + raw
    data = data[:2] + len(body).to_bytes(2, "big") + data[4:20] + body

    script.client.receive_datagram(Datagram(data, CLIENT, SERVER), 0.1)

    assert message.message_class is MessageClass.ERROR
    assert script.failure() is FailureReason.MALFORMED_RESPONSE


def test_the_same_user_is_tried_again_under_its_hash() -> None:
    script = Script()
    assert script.answer(REALM, NONCE_ALGORITHMS, ALGORITHMS, error=401) == 1
    assert Message.parse(script.sent).get(Username) == Username("alice")
    nonce = Nonce(nonce_cookie(SecurityFeature.PASSWORD_ALGORITHMS | SecurityFeature.USERNAME_ANONYMITY))

    assert script.answer(REALM, nonce, ALGORITHMS, error=401) == 1
    assert Message.parse(script.sent).get(UserHash) == UserHash(userhash("alice", "example.org"))


@pytest.mark.spec("rfc8489:9.2.5/12")
def test_another_realm_is_answered_but_not_for_ever() -> None:
    script = Script()

    for number in range(MAX_CHALLENGES):
        assert script.answer(Realm(f"realm {number}"), NONCE_OLD, error=401) == 1
    assert script.answer(Realm("one more"), NONCE_OLD, error=401) == 0

    assert script.failure() is FailureReason.CREDENTIALS_REFUSED


@pytest.mark.spec("rfc8489:9.2.5/15")
def test_response_that_announces_algorithms_and_lacks_them_is_ignored() -> None:
    script = Script()

    script.answer(MAPPED, NONCE_ALGORITHMS)

    assert script.client.events() == []
    assert script.client.stats.dropped == {"ignored": 1}
    script.answer(MAPPED, NONCE_ALGORITHMS, ALGORITHMS)
    assert isinstance(script.client.events()[0], RequestSucceeded)


@pytest.mark.parametrize("transport", ["udp", "tcp"])
@pytest.mark.spec("rfc8489:9.2.5/16", "rfc8489:14.8/11")
def test_unprotected_400_is_forgotten_and_violates_nothing(transport: str) -> None:
    script = Script(transport=transport)
    script.answer(REALM, NONCE_ALGORITHMS, ALGORITHMS, error=401)

    script.answer(error=400)
    assert script.client.events() == []
    script.run_out()

    assert FailureReason.TIMEOUT in [
        event.reason for event in script.client.events() if isinstance(event, RequestFailed)
    ]


@pytest.mark.parametrize(
    ("key", "integrity"), [(None, Integrity.SHA1), (b"guess", Integrity.SHA256), (KEY_SHA256, Integrity.SHA1)]
)
@pytest.mark.spec("rfc8489:9.2.5/17", "rfc8489:9.2.5/18")
def test_unproven_responses_count_for_nothing_but_the_reason(key: bytes | None, integrity: Integrity) -> None:
    script = Script()
    script.answer(REALM, NONCE_ALGORITHMS, ALGORITHMS, error=401)

    assert script.answer(MAPPED, key=key, integrity=integrity) == 0
    assert script.client.events() == []
    script.run_out()

    assert script.failure() is FailureReason.INTEGRITY_VIOLATED


@pytest.mark.parametrize("key", [None, b"guess"])
@pytest.mark.spec("rfc8489:9.2.5/19")
def test_unproven_response_over_tcp_ends_the_transaction(key: bytes | None) -> None:
    script = Script(transport="tcp")
    script.answer(REALM, NONCE_ALGORITHMS, ALGORITHMS, error=401)

    script.answer(MAPPED, key=key, integrity=Integrity.SHA256)

    assert script.failure() is FailureReason.INTEGRITY_VIOLATED


def test_indications_are_sent_and_taken_without_protection() -> None:
    pair = Pair(credential=CREDENTIAL, authenticator=authenticator())
    pair.ask()
    pair.client.send_indication(SERVER, pair.now)

    (out,) = pair.client.datagrams_to_send(pair.now)
    pair.client.receive_datagram(Datagram(out.data, CLIENT, SERVER), pair.now)

    assert Message.parse(out.data).integrity is None
    assert len(pair.client.events()) == 1
    assert all(Message.parse(out.data).get(kind) is None for kind in INTEGRITY_ATTRIBUTES)


def test_request_that_credentials_make_too_large_fails() -> None:
    pair = Pair(credential=CREDENTIAL, authenticator=authenticator())

    (event,) = pair.ask(UnknownAttribute(0x8888, bytes(450)))

    assert isinstance(event, RequestFailed)
    assert event.reason is FailureReason.TOO_LARGE


def test_challenge_that_makes_many_requests_too_large_fails_them_all() -> None:
    pair = Pair(credential=CREDENTIAL, authenticator=authenticator())
    for _ in range(1000):
        pair.client.send_request(SERVER, pair.now, attributes=[UnknownAttribute(0x8888, bytes(450))])

    while pair.step():
        pass
    events = pair.client.events()

    assert {event.reason for event in events if isinstance(event, RequestFailed)} == {FailureReason.TOO_LARGE}
    assert len(events) == 1000
