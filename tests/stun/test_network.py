"""Whole conversations in the simulated network: loss, duplication, translators."""

import pytest
from tests.support.nat import symmetric
from tests.support.network import Link, Network
from tests.support.rng import SeededRng

from rtc_stun import (
    Address,
    LongTermAuthenticator,
    LongTermCredential,
    LongTermUsers,
    RequestSucceeded,
    StunClient,
    StunServer,
)


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.spec("rfc8489:6.3.1/1", "rfc8489:6.2.1/1")
def test_client_behind_a_translator_learns_its_outer_address_over_a_bad_line(seed: int) -> None:
    network = Network(seed=seed, link=Link(delay=0.02, jitter=0.01, loss=0.2, duplication=0.2))
    place = network.host("192.168.1.10", behind=symmetric("203.0.113.1")).bind(5000)
    server_place = network.host("198.51.100.1").bind(3478)
    users = LongTermUsers("example.org", {"alice": "secret"})
    server = StunServer(authenticator=LongTermAuthenticator(users, secret=bytes(32)))
    credential = LongTermCredential(username="alice", password="secret")
    client = StunClient(local=place.address, rng=SeededRng(seed), credential=credential)
    network.attach(server, server_place)
    node = network.attach(client, place)

    client.send_request(Address("198.51.100.1", 3478), network.now)
    network.run(until=lambda: bool(node.events), timeout=60)

    (event,) = node.events
    assert isinstance(event, RequestSucceeded)
    assert event.mapped_address is not None
    assert event.mapped_address.host == "203.0.113.1"
