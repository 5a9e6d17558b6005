"""Two agents find each other."""

from rtc_ice import ConnectionState

from .session import simple_call


def test_two_hosts_connect_and_complete() -> None:
    call = simple_call()
    call.start()

    assert call.run(call.completed, timeout=5)
    assert call.alice.states == [ConnectionState.CHECKING, ConnectionState.CONNECTED, ConnectionState.COMPLETED]
