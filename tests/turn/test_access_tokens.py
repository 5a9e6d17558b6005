"""Third-party authorization: tokens of an authorization server, from both ends."""

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st
from tests.support.effort import examples
from tests.turn.world import CLIENT, PEER, SERVER, World

from rtc_stun import (
    Authenticator,
    Datagram,
    ErrorCode,
    LongTermAuthenticator,
    Message,
    MessageClass,
    MessageIntegrity,
    Realm,
    Username,
)
from rtc_turn import (
    ALLOCATE,
    CREATE_PERMISSION,
    REFRESH,
    TURN_ATTRIBUTES,
    AccessToken,
    Allocated,
    AllocationEnded,
    AnyOf,
    DataReceived,
    EndReason,
    Lifetime,
    ParseError,
    StateError,
    ThirdPartyAuthorization,
    TokenAuthenticator,
    TokenContents,
    TokenGrant,
    TokenWanted,
    TurnConfig,
)

NAME = "turn.example.org"
SESSION_KEY = bytes(range(20))
WITH_TOKENS = TurnConfig(third_party=True)


class Gcm:
    """AES-256-GCM with a key."""

    def __init__(self, key: bytes) -> None:
        self._gcm = AESGCM(key)

    def seal(self, nonce: bytes, data: bytes, associated: bytes) -> bytes:
        return self._gcm.encrypt(nonce, data, associated)

    def open(self, nonce: bytes, sealed: bytes, associated: bytes) -> bytes | None:
        try:
            return self._gcm.decrypt(nonce, sealed, associated)
        except (InvalidTag, ValueError):
            return None


class Clock:
    """The time of day."""

    def __init__(self) -> None:
        self.now = 1_700_000_000.25

    def __call__(self) -> float:
        return self.now


class TokenWorld(World):
    """A server that lets in who has a token, and an authorization server that makes them."""

    def __init__(
        self, *, config: TurnConfig | None = WITH_TOKENS, users: bool = False, tokens: bool = True, prompt: bool = True
    ) -> None:
        super().__init__(config=config, prompt=prompt)
        self.clock = Clock()
        self.key = Gcm(bytes(32))
        self.nonces = 0
        by_token = TokenAuthenticator(
            "example.org", NAME, {"north": self.key}, secret=bytes(32), wall_clock=self.clock, nonce_lifetime=3000.0
        )
        by_name = LongTermAuthenticator(self.users, secret=bytes(32), nonce_lifetime=3000.0)
        kinds: list[Authenticator] = [*([by_name] if users else []), *([by_token] if tokens else [])]
        self.server.set_authenticator(AnyOf(kinds))

    def token(self, lifetime: int = 3600, key: bytes = SESSION_KEY, name: str = NAME) -> bytes:
        self.nonces += 1
        contents = TokenContents(session_key=key, timestamp=self.clock.now, lifetime=lifetime)
        return contents.seal(self.key, self.nonces.to_bytes(12, "big"), name)

    def grant(self, lifetime: int = 3600, key: bytes = SESSION_KEY, name: str = NAME) -> TokenGrant:
        return TokenGrant(
            username="north", token=self.token(lifetime, key, name), session_key=key, expires_in=float(lifetime)
        )

    def authorized(self, grant: TokenGrant | None = None) -> Allocated | AllocationEnded:
        """Let the client allocate with a token."""
        self.client.allocate(self.now)
        self.pump()
        self.client.authorize(grant or self.grant(), self.now)
        self.pump()
        (event,) = (each for each in self.client_events if isinstance(each, Allocated | AllocationEnded))
        return event

    def run(self, seconds: float, *arguments: object, **more: object) -> None:
        self.clock.now += seconds
        super().run(seconds)

    def requests(self, method: int) -> list[Message]:
        messages = (Message.parse(data, TURN_ATTRIBUTES) for data in self.to_server if data[0] < 0x40)
        return [each for each in messages if each.method == method and each.message_class is MessageClass.REQUEST]


@pytest.mark.spec("rfc7635:6.1/1", "rfc7635:6.2/1", "rfc7635:6.2/2", "rfc7635:9/1")
def test_a_client_comes_in_with_a_token() -> None:
    world = TokenWorld()
    allocated = world.authorized()
    world.client.send(b"hello", PEER, world.now)
    world.pump()
    assert isinstance(allocated, Allocated)
    world.from_peer(b"welcome", allocated.relayed[0])

    assert world.client_saw(TokenWanted) == [TokenWanted(NAME)]
    assert [each.data for each in world.at_peers] == [b"hello"]
    assert [each.data for each in world.client_saw(DataReceived)] == [b"welcome"]
    with_token = {
        each.method
        for data in (ALLOCATE, REFRESH, CREATE_PERMISSION, 9)
        for each in world.requests(data)
        if each.get(AccessToken)
    }
    assert with_token == {ALLOCATE}
    assert world.requests(CREATE_PERMISSION)[-1].get(Username) == Username("north")


@pytest.mark.spec("rfc7635:4.1/1", "rfc7635:4.1.1/3", "rfc7635:10/1")
def test_the_session_key_is_sealed() -> None:
    world = TokenWorld()
    token = world.token()

    assert SESSION_KEY not in token
    assert TokenContents.open(token, world.key, NAME) == TokenContents(
        session_key=SESSION_KEY, timestamp=1_700_000_000.25, lifetime=3600
    )
    with pytest.raises(ParseError):
        TokenContents.open(token, Gcm(bytes(31) + b"x"), NAME)


@pytest.mark.spec("rfc7635:6.2/4")
def test_a_token_is_of_one_server() -> None:
    world = TokenWorld()
    with pytest.raises(ParseError):
        TokenContents.open(world.token(name="other.example.org"), world.key, NAME)
    ended = world.authorized(world.grant(name="other.example.org"))

    assert isinstance(ended, AllocationEnded)
    assert ended.reason is EndReason.REFUSED


@given(st.binary(max_size=120), st.integers(0, 63))
@examples(60)
def test_anything_for_a_token_is_refused(noise: bytes, cut: int) -> None:
    key = Gcm(bytes(32))
    whole = TokenContents(session_key=SESSION_KEY, timestamp=1.0, lifetime=1).seal(key, bytes(12), NAME)
    for token in (noise, whole[:cut], whole + noise[:1] if noise else whole[:-1]):
        with pytest.raises(ParseError):
            TokenContents.open(token, key, NAME)


def test_what_is_sealed_but_holds_nothing_is_refused() -> None:
    key = Gcm(bytes(32))
    for block in (b"", b"\0\0" + bytes(12), b"\0\x14" + bytes(5), b"\xff\xff" + bytes(300)):
        with pytest.raises(ParseError):
            TokenContents.open(b"\0\x0c" + bytes(12) + key.seal(bytes(12), block, NAME.encode()), key, NAME)


@pytest.mark.spec("rfc7635:6.1/2")
def test_a_token_goes_before_a_password() -> None:
    world = TokenWorld(users=True)
    world.client.allocate(world.now)
    world.pump()

    assert world.client_saw(TokenWanted) == [TokenWanted(NAME)]
    assert world.client_saw(Allocated) == []


def test_where_tokens_are_unknown_the_password_serves() -> None:
    world = TokenWorld(users=True, tokens=False)
    world.allocate()

    assert world.client_saw(TokenWanted) == []
    assert world.requests(ALLOCATE)[-1].get(AccessToken) is None


def test_who_knows_no_tokens_comes_in_by_password_beside_them() -> None:
    world = TokenWorld(users=True, config=None)
    world.allocate()
    challenge = Message.parse(world.to_client[0], TURN_ATTRIBUTES)

    assert challenge.get(ThirdPartyAuthorization) == ThirdPartyAuthorization(NAME.encode())
    assert challenge.get(Realm) == Realm("example.org")


@pytest.mark.spec("rfc7635:7/1")
@pytest.mark.parametrize(("age", "comes_in"), [(64.9, True), (65.1, False), (-64.9, True), (-65.1, False)])
def test_clocks_differ_by_five_seconds_at_most(age: float, comes_in: bool) -> None:
    world = TokenWorld()
    grant = world.grant(lifetime=60)
    world.clock.now += age

    assert isinstance(world.authorized(grant), Allocated) is comes_in


@pytest.mark.spec("rfc7635:7/2")
def test_every_response_is_protected_by_the_session_key() -> None:
    world = TokenWorld()
    world.authorized()
    world.client.send(b"hello", PEER, world.now)
    world.pump()
    world.client.close(world.now)
    world.pump()
    responses = [Message.parse(data, TURN_ATTRIBUTES) for data in world.to_client if data[0] < 0x40]
    after = [each for each in responses if each.message_class is MessageClass.SUCCESS]

    assert len(after) >= 4
    for response in after:
        response.verify_integrity(SESSION_KEY)
        assert response.get(MessageIntegrity) is not None


@pytest.mark.spec("rfc7635:8/1")
def test_a_response_under_another_key_is_dropped() -> None:
    world = TokenWorld()
    world.authorized()
    world.client.close(world.now)
    (request,) = (Message.parse(each.data, TURN_ATTRIBUTES) for each in world.client.datagrams_to_send(world.now))
    for key in (None, b"another key, 20 bytes"):
        forged = Message(REFRESH, MessageClass.SUCCESS, request.transaction_id, [Lifetime(0)]).serialize(key=key)
        world.client.receive_datagram(Datagram(forged, CLIENT, SERVER), world.now)

    assert not world.client.closed


@pytest.mark.spec("rfc7635:9/2", "rfc7635:9/3", "rfc7635:9/4")
def test_an_allocation_does_not_outlive_its_token() -> None:
    world = TokenWorld()
    grant = world.grant(lifetime=100)
    world.clock.now += 30.0
    allocated = world.authorized(grant)

    assert isinstance(allocated, Allocated)
    assert allocated.lifetime == 75
    world.run(80.0)
    assert world.server.allocation_count == 0


@pytest.mark.spec("rfc7635:8/2", "rfc7635:9/5", "rfc7635:9/6")
def test_another_token_prolongs_the_allocation() -> None:
    world = TokenWorld()
    world.authorized(world.grant(lifetime=200))
    for round_number in range(5):
        world.run(145.0)
        assert len(world.client_saw(TokenWanted)) == 2 + round_number
        world.client.authorize(world.grant(lifetime=200, key=bytes([round_number + 1]) * 20), world.now)
        world.pump()

    assert world.server.allocation_count == 1
    last = [each for each in world.requests(REFRESH) if each.get(AccessToken) is not None][-1]
    last.verify_integrity(bytes([5]) * 20)
    assert world.client_saw(AllocationEnded) == []


def test_a_stranger_with_a_stolen_token_proves_nothing() -> None:
    world = TokenWorld()
    token = world.token()
    thief = world.grant(key=b"not the session key!")
    ended = world.authorized(TokenGrant(username="north", token=token, session_key=thief.session_key, expires_in=60.0))

    assert isinstance(ended, AllocationEnded)
    assert ended.error_code == 401


def test_an_unknown_key_is_nobodys() -> None:
    world = TokenWorld()
    ended = world.authorized(
        TokenGrant(username="south", token=world.token(), session_key=SESSION_KEY, expires_in=60.0)
    )

    assert isinstance(ended, AllocationEnded)


def test_session_keys_are_remembered_within_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rtc_turn.token_authenticator.MAX_SESSIONS", 1)
    world = TokenWorld()
    world.authorized()
    authenticator = world.server._authenticator._authenticators[0]  # type: ignore[attr-defined] # a look inside
    other = world.add_client(CLIENT._replace(port=9), config=WITH_TOKENS)
    other.allocate(world.now)
    world.pump()
    other.authorize(world.grant(), world.now)
    world.pump()

    assert len(authenticator._sessions) == 1
    # Who was forgotten shows its token again with the next refresh.
    world.client.send(b"x", PEER, world.now)
    world.pump()
    assert world.at_peers == []


def test_a_token_without_a_question_is_the_callers_mistake() -> None:
    world = TokenWorld()
    with pytest.raises(StateError):
        world.client.authorize(world.grant(), world.now)
    plain = World()
    plain.allocate()
    with pytest.raises(StateError):
        plain.client.authorize(world.grant(), plain.now)


def test_a_bare_token_is_challenged() -> None:
    world = TokenWorld()
    bare = Message(ALLOCATE, MessageClass.REQUEST, bytes(12), [AccessToken(world.token())]).serialize()
    (answer,) = world.tell(bare)
    error = Message.parse(answer.data, TURN_ATTRIBUTES).get(ErrorCode)
    nameless = Message(ALLOCATE, MessageClass.REQUEST, bytes(12), [AccessToken(world.token())]).serialize(key=b"k")
    (other,) = world.tell(nameless)

    assert error is not None
    assert error.code == 401
    bad = Message.parse(other.data, TURN_ATTRIBUTES).get(ErrorCode)
    assert bad is not None
    assert bad.code == 400
