"""The long-term credential mechanism, both sides, and those on the path between them."""

from collections.abc import Callable

import pytest
from tests.stun.pair import CLIENT, SERVER, Pair, respond

from rtc_stun import (
    BINDING,
    Address,
    Algorithm,
    Attribute,
    Authenticated,
    ClientConfig,
    Datagram,
    ErrorCode,
    FailureReason,
    Integrity,
    LongTermAuthenticator,
    LongTermCredential,
    LongTermUsers,
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
    Unauthenticated,
    UnknownAttribute,
    User,
    UserHash,
    Username,
    XorMappedAddress,
    long_term_key,
    nonce_cookie,
    security_features,
    userhash,
)
from rtc_stun.requests import MAX_CHALLENGES

ID = bytes(range(12))
REALM = Realm("example.org")
CREDENTIAL = LongTermCredential(username="alice", password="secret")
ALGORITHMS = PasswordAlgorithms((PasswordAlgorithm(Algorithm.SHA256), PasswordAlgorithm(Algorithm.MD5)))
MAPPED = XorMappedAddress(Address("203.0.113.1", 9))
KEY_MD5 = long_term_key("alice", "example.org", "secret", Algorithm.MD5)
KEY_SHA256 = long_term_key("alice", "example.org", "secret", Algorithm.SHA256)
NONCE_ALGORITHMS = Nonce(nonce_cookie(SecurityFeature.PASSWORD_ALGORITHMS) + b"1")
NONCE_OLD = Nonce(b"an old server's")
USER_ATTRIBUTES = (Username, UserHash, Realm, Nonce, PasswordAlgorithms, PasswordAlgorithm)
INTEGRITY_ATTRIBUTES = (MessageIntegrity, MessageIntegritySha256)


def authenticator(
    *, anonymous: bool = False, algorithms: tuple[int, ...] = (Algorithm.SHA256, Algorithm.MD5)
) -> LongTermAuthenticator:
    users = LongTermUsers("example.org", {"alice": "secret"})
    return LongTermAuthenticator(users, secret=b"s" * 32, anonymous=anonymous, algorithms=algorithms)


def request(*attributes: Attribute, key: bytes | None = KEY_SHA256, integrity: Integrity = Integrity.SHA256) -> Message:
    message = Message(BINDING, MessageClass.REQUEST, ID, attributes)
    return Message.parse(message.serialize(key=key, integrity=integrity))


def nonce_of(judge: LongTermAuthenticator, now: float = 0.0) -> Nonce:
    challenge = judge.authenticate(request(key=None), CLIENT, now)
    assert isinstance(challenge, Unauthenticated)
    return next(attribute for attribute in challenge.attributes if isinstance(attribute, Nonce))


def pick(attributes: tuple[Attribute, ...], kind: type[Attribute]) -> list[Attribute]:
    return [attribute for attribute in attributes if isinstance(attribute, kind)]


def assert_challenge(judgement: object, error_code: int, judge: LongTermAuthenticator, now: float = 0.0) -> None:
    """Check that a refusal holds exactly realm, a valid nonce and the algorithms."""
    assert isinstance(judgement, Unauthenticated)
    assert judgement.error_code == error_code
    realm, nonce, algorithms = judgement.attributes
    assert (realm, algorithms) == (REALM, ALGORITHMS)
    assert isinstance(nonce, Nonce)
    features = security_features(nonce.value)
    assert features is not None
    assert SecurityFeature.PASSWORD_ALGORITHMS in features
    attributes = (Username("alice"), REALM, nonce, ALGORITHMS, PasswordAlgorithm(Algorithm.SHA256))
    assert isinstance(judge.authenticate(request(*attributes), CLIENT, now), Authenticated)


# The server's checks, in their order.


@pytest.mark.spec(
    "rfc8489:9.2.4/2", "rfc8489:9.2.4/3", "rfc8489:9.2.4/4", "rfc8489:9.2.4/6", "rfc8489:9.2.4/8", "rfc8489:9.2/1"
)
def test_request_without_integrity_is_challenged() -> None:
    judge = authenticator()

    assert_challenge(judge.authenticate(request(Username("alice"), key=None), CLIENT, 0.0), 401, judge)


@pytest.mark.spec("rfc8489:9.2.4/5")
def test_two_sources_get_different_nonces() -> None:
    judge = authenticator()

    first = judge.authenticate(request(key=None), CLIENT, 0.0)
    second = judge.authenticate(request(key=None), Address(CLIENT.host, 5001), 0.0)

    assert isinstance(first, Unauthenticated)
    assert isinstance(second, Unauthenticated)
    assert pick(first.attributes, Nonce) != pick(second.attributes, Nonce)


@pytest.mark.parametrize("missing", range(3))
@pytest.mark.spec("rfc8489:9.2.4/9", "rfc8489:9.2.4/10")
def test_request_without_user_realm_or_nonce_is_a_bad_request(missing: int) -> None:
    judge = authenticator()
    attributes: list[Attribute] = [Username("alice"), REALM, nonce_of(judge)]
    del attributes[missing]

    assert judge.authenticate(request(*attributes), CLIENT, 0.0) == Unauthenticated(400)


@pytest.mark.parametrize(
    "attributes",
    [
        (ALGORITHMS,),
        (PasswordAlgorithm(Algorithm.SHA256),),
        (PasswordAlgorithms(ALGORITHMS.algorithms[1:]), PasswordAlgorithm(Algorithm.MD5)),
        (PasswordAlgorithms(ALGORITHMS.algorithms[::-1]), PasswordAlgorithm(Algorithm.MD5)),
        (ALGORITHMS, PasswordAlgorithm(3)),
        (ALGORITHMS, PasswordAlgorithm(Algorithm.SHA256, b"salt")),
    ],
    ids=["no choice", "no list", "cut list", "turned list", "unlisted choice", "choice with parameters"],
)
@pytest.mark.spec("rfc8489:9.2.4/11")
def test_algorithms_that_somebody_changed_are_a_bad_request(attributes: tuple[Attribute, ...]) -> None:
    judge = authenticator()
    message = request(Username("alice"), REALM, nonce_of(judge), *attributes)

    assert judge.authenticate(message, CLIENT, 0.0) == Unauthenticated(400)


@pytest.mark.parametrize("user", [Username("bob"), UserHash(userhash("alice", "example.org"))])
@pytest.mark.spec("rfc8489:9.2.4/12", "rfc8489:9.2.4/13", "rfc8489:9.2.4/14", "rfc8489:9.2.4/15", "rfc8489:9.2.4/16")
def test_unknown_user_is_challenged(user: Attribute) -> None:
    judge = authenticator()
    attributes = (user, REALM, nonce_of(judge), ALGORITHMS, PasswordAlgorithm(Algorithm.SHA256))

    assert_challenge(judge.authenticate(request(*attributes), CLIENT, 0.0), 401, judge)


@pytest.mark.parametrize("integrity", Integrity)
@pytest.mark.spec("rfc8489:9.2.4/17", "rfc8489:9.2.4/18", "rfc8489:9.2.4/19")
def test_wrong_integrity_is_challenged(integrity: Integrity) -> None:
    judge = authenticator()
    attributes = (Username("alice"), REALM, nonce_of(judge), ALGORITHMS, PasswordAlgorithm(Algorithm.SHA256))
    message = request(*attributes, key=KEY_MD5, integrity=integrity)

    assert_challenge(judge.authenticate(message, CLIENT, 0.0), 401, judge)


@pytest.mark.spec("rfc8489:9.2.4/20", "rfc8489:9.2.4/21", "rfc8489:9.2.4/22", "rfc8489:9.2.4/23")
def test_stale_nonce_is_told() -> None:
    judge = authenticator()
    attributes = (Username("alice"), REALM, nonce_of(judge), ALGORITHMS, PasswordAlgorithm(Algorithm.SHA256))

    assert isinstance(judge.authenticate(request(*attributes), CLIENT, 600.0), Authenticated)
    assert_challenge(judge.authenticate(request(*attributes), CLIENT, 601.0), 438, judge, 601.0)


@pytest.mark.spec("rfc8489:9.2.4/20")
def test_nonce_of_another_client_is_stale() -> None:
    judge = authenticator()
    attributes = (Username("alice"), REALM, nonce_of(judge), ALGORITHMS, PasswordAlgorithm(Algorithm.SHA256))

    judgement = judge.authenticate(request(*attributes), Address("192.0.2.66", 1), 0.0)

    assert isinstance(judgement, Unauthenticated)
    assert judgement.error_code == 438


@pytest.mark.parametrize("algorithm", Algorithm)
@pytest.mark.parametrize("integrity", [Integrity.SHA1, Integrity.SHA256])
@pytest.mark.spec("rfc8489:9.2.4/24")
def test_response_to_a_client_of_this_specification_is_protected_by_sha256(
    algorithm: Algorithm, integrity: Integrity
) -> None:
    judge = authenticator()
    key = long_term_key("alice", "example.org", "secret", algorithm)
    attributes = (Username("alice"), REALM, nonce_of(judge), ALGORITHMS, PasswordAlgorithm(algorithm))

    judgement = judge.authenticate(request(*attributes, key=key, integrity=integrity), CLIENT, 0.0)

    assert judgement == Authenticated("alice", key, Integrity.SHA256, integrity)


@pytest.mark.spec("rfc8489:9.2.4/25", "rfc8489:18.5.1.1/1")
def test_client_of_rfc_5389_gets_by_with_md5_and_sha1() -> None:
    judge = authenticator()
    message = request(Username("alice"), REALM, nonce_of(judge), key=KEY_MD5, integrity=Integrity.SHA1)

    assert judge.authenticate(message, CLIENT, 0.0) == Authenticated("alice", KEY_MD5, Integrity.SHA1, Integrity.SHA1)


def test_user_without_an_md5_key_cannot_be_an_old_client() -> None:
    users = LongTermUsers("example.org")
    users.add_keys("alice", {Algorithm.SHA256: KEY_SHA256})
    judge = LongTermAuthenticator(users, secret=b"s" * 32)
    message = request(Username("alice"), REALM, nonce_of(judge), key=KEY_MD5, integrity=Integrity.SHA1)

    assert_challenge(judge.authenticate(message, CLIENT, 0.0), 401, judge)


def test_algorithm_that_is_not_offered_is_no_way_in() -> None:
    judge = authenticator(algorithms=(Algorithm.SHA256,))
    nonce = nonce_of(judge)
    old = request(Username("alice"), REALM, nonce, key=KEY_MD5, integrity=Integrity.SHA1)
    # Whoever strips the cookie off the nonce also gets past the check of the list.
    bare = Nonce(nonce.value.removeprefix(b"obMatJos2"))
    named = request(Username("alice"), REALM, bare, PasswordAlgorithm(Algorithm.MD5), key=KEY_MD5)

    for message in (old, named):
        judgement = judge.authenticate(message, CLIENT, 0.0)
        assert isinstance(judgement, Unauthenticated)
        assert judgement.error_code == 401


class GuestUsers:
    """Everybody whose name begins with "guest" and whose password is their name."""

    realm = "example.org"

    def find(self, username: str) -> User | None:
        if not username.startswith("guest"):
            return None
        return User(username, {number: long_term_key(username, self.realm, username, number) for number in Algorithm})

    def find_hash(self, value: bytes) -> User | None:
        return None


@pytest.mark.parametrize(("username", "known"), [("guest-7", True), ("alice", False)])
def test_users_may_be_kept_elsewhere(username: str, known: bool) -> None:
    judge = LongTermAuthenticator(GuestUsers(), secret=b"s" * 32)
    pair = Pair(credential=LongTermCredential(username=username, password=username), authenticator=judge)

    (event,) = pair.ask()

    assert isinstance(event, RequestSucceeded) == known


def test_nobody_is_asked_for_a_user_whose_name_is_not_allowed() -> None:
    judge = LongTermAuthenticator(GuestUsers(), secret=b"s" * 32)
    wire = Message(
        BINDING,
        MessageClass.REQUEST,
        ID,
        [UnknownAttribute(Username.TYPE, b"guest\x07"), REALM, nonce_of(judge)],
    ).serialize(key=KEY_MD5)

    judgement = judge.authenticate(Message.parse(wire), CLIENT, 0.0)

    assert isinstance(judgement, Unauthenticated)
    assert judgement.error_code == 401


def test_a_server_offers_an_algorithm() -> None:
    with pytest.raises(ValueError, match="at least one"):
        authenticator(algorithms=())


def test_short_secret_is_no_secret() -> None:
    with pytest.raises(ValueError, match="at least 16"):
        LongTermAuthenticator(LongTermUsers("example.org"), secret=b"s" * 15)


def test_realm_that_could_not_be_sent_is_refused_at_once() -> None:
    for realm in ("", "r" * 128, "\n"):
        with pytest.raises(ValueError, match=r"."):
            LongTermUsers(realm)


# The two together.


@pytest.mark.spec(
    "rfc8489:9.2.3.1/1",
    "rfc8489:9.2.3.2/1",
    "rfc8489:9.2.3.2/2",
    "rfc8489:9.2.3.2/3",
    "rfc8489:9.2.4/26",
    "rfc8489:9.2.5/3",
    "rfc8489:9.2.5/4",
    "rfc8489:9.2.5/6",
    "rfc8489:9.2.5/7",
    "rfc8489:9.2.5/8",
    "rfc8489:9.2.5/9",
    "rfc8489:9.2.5/10",
    "rfc8489:9.2.5/20",
    "rfc8489:5/4",
)
def test_challenge_answer_and_later_requests() -> None:
    pair = Pair(credential=CREDENTIAL, authenticator=authenticator())

    (event,) = pair.ask()
    (later,) = pair.ask()

    assert isinstance(event, RequestSucceeded)
    assert isinstance(later, RequestSucceeded)
    first, retry, subsequent = pair.requests
    assert first.integrity is None
    assert all(first.get(kind) is None for kind in USER_ATTRIBUTES)
    challenge, success, _ = pair.responses
    for message in (retry, subsequent):
        assert message.get(Username) == Username("alice")
        assert message.get(Realm) == challenge.get(Realm) == REALM
        assert message.get(Nonce) == challenge.get(Nonce)
        assert message.get(PasswordAlgorithms) == challenge.get(PasswordAlgorithms) == ALGORITHMS
        assert message.get(PasswordAlgorithm) == PasswordAlgorithm(Algorithm.SHA256)
        assert message.integrity is Integrity.SHA256
        message.verify_integrity(KEY_SHA256)
    assert success.integrity is Integrity.SHA256
    assert all(success.get(kind) is None for kind in USER_ATTRIBUTES)
    assert len({message.transaction_id for message in pair.requests}) == 3


@pytest.mark.spec("rfc8489:9.2.4/7", "rfc8489:9.2.5/4", "rfc8489:9.2.5/5")
def test_anonymous_user_is_known_by_its_hash() -> None:
    pair = Pair(credential=CREDENTIAL, authenticator=authenticator(anonymous=True))

    (event,) = pair.ask()

    assert isinstance(event, RequestSucceeded)
    nonce = pair.responses[0].get(Nonce)
    assert nonce is not None
    assert security_features(nonce.value) == SecurityFeature.PASSWORD_ALGORITHMS | SecurityFeature.USERNAME_ANONYMITY
    assert pair.requests[1].get(UserHash) == UserHash(userhash("alice", "example.org"))
    assert pair.requests[1].get(Username) is None


@pytest.mark.spec("rfc8489:9.2.5/10")
def test_first_algorithm_of_the_server_that_the_client_knows_is_chosen() -> None:
    offered = (9, Algorithm.MD5, Algorithm.SHA256)
    pair = Pair(credential=CREDENTIAL, authenticator=authenticator(algorithms=offered))

    (event,) = pair.ask()

    assert isinstance(event, RequestSucceeded)
    assert pair.requests[1].get(PasswordAlgorithm) == PasswordAlgorithm(Algorithm.MD5)
    assert pair.requests[1].integrity is Integrity.SHA256


@pytest.mark.spec("rfc8489:9.2.5/13", "rfc8489:9.2.5/14")
def test_stale_nonce_is_replaced_without_the_caller_noticing() -> None:
    pair = Pair(credential=CREDENTIAL, authenticator=authenticator())
    pair.ask()
    pair.now += 1000

    (event,) = pair.ask()

    assert isinstance(event, RequestSucceeded)
    stale = pair.responses[-2].get(ErrorCode)
    assert stale is not None
    assert stale.code == 438
    retry = pair.requests[-1]
    assert retry.get(Nonce) == pair.responses[-2].get(Nonce)
    assert retry.get(Username) == Username("alice")
    assert retry.get(Realm) == REALM
    retry.verify_integrity(KEY_SHA256)


@pytest.mark.spec("rfc8489:9.2.5/12")
def test_wrong_password_is_tried_once() -> None:
    pair = Pair(credential=LongTermCredential(username="alice", password="guess"), authenticator=authenticator())

    (event,) = pair.ask()

    assert isinstance(event, RequestFailed)
    assert (event.reason, event.error_code) == (FailureReason.CREDENTIALS_REFUSED, 401)
    assert len(pair.requests) == 2


def test_eleven_requests_at_once_survive_the_challenge() -> None:
    pair = Pair(credential=CREDENTIAL, authenticator=authenticator())
    for _ in range(11):
        pair.client.send_request(SERVER, pair.now)

    events = pair.ask()

    assert [type(event) for event in events] == [RequestSucceeded] * 12


# Somebody on the path.


def strip(*kinds: type[Attribute], nonce: Callable[[bytes], bytes] = bytes) -> Callable[[bytes], bytes]:
    """Take attributes out of unprotected messages, and change nonces."""

    def tamper(data: bytes) -> bytes:
        message = Message.parse(data)
        if message.integrity is not None:
            return data
        kept = [attribute for attribute in message.attributes if not isinstance(attribute, kinds)]
        changed = [Nonce(nonce(attribute.value)) if isinstance(attribute, Nonce) else attribute for attribute in kept]
        return bytes(Message(message.method, message.message_class, message.transaction_id, changed))

    return tamper


def without_features(nonce: bytes) -> bytes:
    return nonce_cookie(SecurityFeature.NONE) + nonce[13:]


@pytest.mark.spec("rfc8489:9.2.5/1", "rfc8489:9.2.5/2")
def test_stripped_algorithms_end_the_request() -> None:
    pair = Pair(credential=CREDENTIAL, authenticator=authenticator())
    pair.tamper_response = strip(PasswordAlgorithms)

    (event,) = pair.ask()

    assert isinstance(event, RequestFailed)
    assert event.reason is FailureReason.BID_DOWN
    assert len(pair.requests) == 1


@pytest.mark.spec("rfc8489:9.2.4/20", "rfc8489:9.2.5/20")
def test_stripped_algorithms_and_feature_bits_are_noticed_by_the_server() -> None:
    pair = Pair(credential=CREDENTIAL, authenticator=authenticator())
    pair.tamper_response = strip(PasswordAlgorithms, nonce=without_features)

    (event,) = pair.ask()

    assert isinstance(event, RequestFailed)
    assert event.reason is FailureReason.CREDENTIALS_REFUSED
    codes = [error.code for message in pair.responses if (error := message.get(ErrorCode)) is not None]
    assert codes == [401] + [438] * MAX_CHALLENGES


@pytest.mark.spec("rfc8489:9.2.4/11")
def test_cut_list_of_algorithms_is_noticed_by_the_server() -> None:
    pair = Pair(credential=CREDENTIAL, authenticator=authenticator())

    def keep_md5(data: bytes) -> bytes:
        message = Message.parse(data)
        for attribute in message.attributes:
            if isinstance(attribute, PasswordAlgorithms):
                attribute.algorithms = attribute.algorithms[1:]
        return bytes(message)

    pair.tamper_response = keep_md5

    assert pair.ask() == []
    assert pair.responses[-1].get(ErrorCode) == ErrorCode(400, "Bad Request")


@pytest.mark.spec("rfc8489:9.2.5/20")
def test_a_client_that_had_algorithms_does_not_go_back_to_sha1() -> None:
    pair = Pair(credential=CREDENTIAL, authenticator=authenticator())
    pair.ask()
    pair.now += 1000
    pair.tamper_response = strip(PasswordAlgorithms, nonce=without_features)

    (event,) = pair.ask()

    assert isinstance(event, RequestFailed)
    assert event.reason is FailureReason.BID_DOWN
    assert all(message.integrity is not Integrity.SHA1 for message in pair.requests)


# The client, against servers of the test's making.


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
