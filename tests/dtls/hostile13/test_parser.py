"""Class 30 in DTLS 1.3: every message cut at every byte, every length off by one, every bit changed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.dtls.hostile13.puppet import EACH_STAGE, Puppet, stage
from tests.support.effort import examples

from rtc_dtls import ConnectionState, Role

STAGES = pytest.mark.parametrize(
    ("role", "name"), EACH_STAGE, ids=lambda value: str(getattr(value, "name", value)).lower()
)
SENSIBLE_ALERTS = {10, 20, 40, 42, 43, 46, 47, 50, 51, 70, 80, 109, 110, 116, 120}
HARMLESS = {"key update", "client hello"}
"""Bits may be changed without making a message wrong: a request for new keys, offers that nobody knows."""


def check(puppet: Puppet) -> None:
    """The subject lives, or failed with a sensible alert of its own."""
    if puppet.subject.closed:
        assert puppet.alert in SENSIBLE_ALERTS
        assert puppet.subject.datagrams_to_send(puppet.ends.now)


@STAGES
def test_class_30_message_cut_at_every_byte_is_fatal_in_1_3(role: Role, name: str) -> None:
    here = stage(role, name)
    body = here.message.body

    for end in range(len(body)):
        puppet = here.feed(here.changed(body[:end]))
        check(puppet)
        assert puppet.subject.closed, end


@STAGES
@pytest.mark.parametrize("more", [b"\0", b"\xff", bytes(300)], ids=["zero", "one", "many"])
def test_class_30_message_with_something_behind_it_is_fatal_in_1_3(role: Role, name: str, more: bytes) -> None:
    here = stage(role, name)

    puppet = here.feed(here.changed(here.message.body + more))

    check(puppet)
    assert puppet.subject.closed


@pytest.mark.slow
@STAGES
def test_class_30_message_with_one_bit_changed_is_never_believed_in_1_3(role: Role, name: str) -> None:
    here = stage(role, name)
    body = here.message.body
    number = int.from_bytes(body, "big")

    for bit in range(8 * len(body)):
        puppet = here.feed(here.changed((number ^ 1 << bit).to_bytes(len(body), "big")))
        check(puppet)
        if name in ("proof", "finished"):
            assert puppet.subject.closed, bit
        if name not in HARMLESS:
            assert puppet.subject.state is not ConnectionState.CONNECTED, bit


@STAGES
@pytest.mark.parametrize("step", [1, -1])
def test_class_30_every_length_off_by_one_is_never_believed_in_1_3(role: Role, name: str, step: int) -> None:
    """Every byte is taken for one of a length."""
    here = stage(role, name)
    body = here.message.body

    for at in range(len(body)):
        changed = body[:at] + bytes([(body[at] + step) & 0xFF]) + body[at + 1 :]
        puppet = here.feed(here.changed(changed))
        check(puppet)
        if name not in HARMLESS:
            assert puppet.subject.state is not ConnectionState.CONNECTED, at


@STAGES
@examples(30)
@given(data=st.data())
def test_class_30_random_messages_never_raise_in_1_3(role: Role, name: str, data: st.DataObject) -> None:
    here = stage(role, name)
    kind = data.draw(st.integers(0, 255) | st.just(here.message.message_type))
    body = data.draw(st.binary(max_size=200))
    message = here.changed(body)
    message.message_type = kind

    check(here.feed(message, here.message))
