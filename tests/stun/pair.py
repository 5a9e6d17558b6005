"""A client and a server joined in memory, in virtual time, with everything on record."""

from collections.abc import Callable, Sequence

from tests.support.rng import SeededRng

from rtc_stun import (
    Address,
    Attribute,
    Authenticator,
    ClientConfig,
    ClientEvent,
    Credential,
    Datagram,
    ErrorCode,
    Integrity,
    Message,
    MessageClass,
    ServerConfig,
    StunClient,
    StunServer,
)

CLIENT = Address("192.0.2.10", 5000)
SERVER = Address("198.51.100.1", 3478)
OTHER_SERVER = Address("198.51.100.2", 3478)
CLIENT_6 = Address("2001:db8::10", 5000)
SERVER_6 = Address("2001:db8::1", 3478)

Tamper = Callable[[bytes], bytes | None]


def untouched(data: bytes) -> bytes:
    """Let a message pass."""
    return data


class Pair:
    """Move datagrams between the two; `tamper` functions stand for whoever sits on the path."""

    def __init__(
        self,
        *,
        credential: Credential | None = None,
        authenticator: Authenticator | None = None,
        client_config: ClientConfig | None = None,
        server_config: ServerConfig | None = None,
        client_address: Address = CLIENT,
        server_address: Address = SERVER,
    ) -> None:
        self.now = 1000.0
        self.delay = 0.05
        self.server_address = server_address
        self.client = StunClient(local=client_address, rng=SeededRng(1), credential=credential, config=client_config)
        self.server = StunServer(authenticator=authenticator, config=server_config)
        self.requests: list[Message] = []
        self.responses: list[Message] = []
        self.tamper_request: Tamper = untouched
        self.tamper_response: Tamper = untouched

    def step(self) -> bool:
        """Move what there is one way and back; tell whether anything moved."""
        out = self.client.datagrams_to_send(self.now)
        self.now += self.delay
        for datagram in out:
            data = self.tamper_request(datagram.data)
            if data is not None:
                self.requests.append(Message.parse(data))
                self.server.receive_datagram(Datagram(data, datagram.remote, datagram.local), self.now)
        back = self.server.datagrams_to_send(self.now)
        self.now += self.delay
        for datagram in back:
            data = self.tamper_response(datagram.data)
            if data is not None:
                self.responses.append(Message.parse(data))
                self.client.receive_datagram(Datagram(data, datagram.remote, datagram.local), self.now)
        return bool(out or back)

    def ask(self, *attributes: Attribute) -> list[ClientEvent]:
        """Send one request, let it run until nothing moves, and return the events."""
        self.client.send_request(self.server_address, self.now, attributes=attributes)
        while self.step():
            pass
        return self.client.events()

    def run_out(self) -> list[ClientEvent]:
        """Let time pass until nothing is left to do, and return the events."""
        while (deadline := self.client.next_timeout()) is not None:
            self.now = max(self.now, deadline)
            self.client.handle_timeout(self.now)
            self.step()
        return self.client.events()


def respond(
    request: bytes,
    *attributes: Attribute,
    error: int | None = None,
    key: bytes | None = None,
    integrity: Integrity = Integrity.SHA1,
) -> bytes:
    """Make the response of a server that does just what the test says."""
    message = Message.parse(request)
    content: Sequence[Attribute] = attributes if error is None else (ErrorCode.with_phrase(error), *attributes)
    message_class = MessageClass.SUCCESS if error is None else MessageClass.ERROR
    return Message(message.method, message_class, message.transaction_id, content).serialize(
        key=key, integrity=integrity
    )
