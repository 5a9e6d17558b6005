"""What `rtc turn` logs: lines for people, or one JSON object a line for programs."""

import json
from datetime import UTC, datetime
from typing import Final

from rtc_asyncio.turn_server import AllocationEvent
from rtc_stun import Address
from rtc_turn import AllocationCreated

from .report import printable

EVENT_WIDTH: Final = 11


class TurnLog:
    """Writes to standard output, each event with the time of day in UTC.

    Args:
        as_json: Whether programs are to read it.
    """

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json

    def say(self, event: str, text: str, **details: object) -> None:
        """One event: its name, a sentence for people, and details for programs."""
        now = datetime.now(UTC)
        if self._as_json:
            line = json.dumps({"time": now.isoformat(timespec="milliseconds"), "event": event, "text": text, **details})
        else:
            line = f"{now:%Y-%m-%d %H:%M:%S}  {event:<{EVENT_WIDTH}}  {printable(text)}"
        print(line, flush=True)

    def allocation(self, event: AllocationEvent) -> None:
        """An allocation was made, or has ended."""
        relayed = [named(each) for each in event.relayed]
        known = {"username": event.username, "client": named(event.client), "relayed": relayed}
        if isinstance(event, AllocationCreated):
            self.say(
                "allocated",
                f"{event.username} at {named(event.client)} over {event.transport} has {' and '.join(relayed)}",
                **known,
                transport=event.transport,
                lifetime=event.lifetime,
            )
        else:
            self.say(
                "ended",
                f"{event.username} at {named(event.client)} had {' and '.join(relayed)}: {event.reason}, "
                f"{event.bytes_to_peers} bytes to peers, {event.bytes_to_client} from them",
                **known,
                reason=event.reason,
                bytes_to_peers=event.bytes_to_peers,
                bytes_to_client=event.bytes_to_client,
            )


def named(address: Address) -> str:
    """An address as people write it."""
    return f"[{address.host}]:{address.port}" if address.is_ipv6 else f"{address.host}:{address.port}"
