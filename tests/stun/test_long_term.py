"""The long-term credential mechanism, both sides, and those on the path between them."""

from collections.abc import Callable

import pytest
from tests.stun.long_term import ALGORITHMS, CREDENTIAL, KEY_SHA256, REALM, authenticator
from tests.stun.pair import SERVER, Pair

from rtc_stun import (
    Algorithm,
    Attribute,
    ErrorCode,
    FailureReason,
    Integrity,
    LongTermCredential,
    Message,
    Nonce,
    PasswordAlgorithm,
    PasswordAlgorithms,
    Realm,
    RequestFailed,
    RequestSucceeded,
    SecurityFeature,
    UserHash,
    Username,
    nonce_cookie,
    security_features,
    userhash,
)
from rtc_stun.requests import MAX_CHALLENGES

USER_ATTRIBUTES = (Username, UserHash, Realm, Nonce, PasswordAlgorithms, PasswordAlgorithm)

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
