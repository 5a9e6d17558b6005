"""What a server of the long-term credential mechanism checks, in its order (RFC 8489 section 9.2.4)."""

import pytest
from tests.stun.long_term import ALGORITHMS, KEY_MD5, KEY_SHA256, REALM, authenticator
from tests.stun.pair import CLIENT, Pair

from rtc_stun import (
    BINDING,
    Address,
    Algorithm,
    Attribute,
    Authenticated,
    Integrity,
    LongTermAuthenticator,
    LongTermCredential,
    LongTermUsers,
    Message,
    MessageClass,
    Nonce,
    PasswordAlgorithm,
    PasswordAlgorithms,
    RequestSucceeded,
    SecurityFeature,
    Unauthenticated,
    UnknownAttribute,
    User,
    UserHash,
    Username,
    long_term_key,
    security_features,
    userhash,
)

ID = bytes(range(12))


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
