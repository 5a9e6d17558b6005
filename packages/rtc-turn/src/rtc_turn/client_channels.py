"""The channels of a client, by their numbers and by their peers (:rfc:`8656#section-12`)."""

from rtc_stun import Address
from rtc_turn.channel_data import FIRST_CHANNEL, LAST_CHANNEL
from rtc_turn.config import CHANNEL_COOLING, CHANNEL_LIFETIME
from rtc_turn.lease import NEVER, Lease


class Channel:
    """One number and one peer."""

    __slots__ = ("free_at", "lease", "number", "peer")

    def __init__(self, number: int, peer: Address, lease: Lease) -> None:
        self.number = number
        self.peer = peer
        self.lease = lease
        self.free_at: float | None = None
        """When its number and its peer may be joined with others, in seconds; None while it is bound or asked for."""

    @property
    def carries(self) -> bool:
        """Whether data may be sent on it. It may be received as soon as the channel is asked for."""
        # [rfc8656:12/5]
        return self.free_at is None and self.lease.is_valid


class Channels:
    """All channels of one allocation.

    Args:
        margin: Seconds before its end at which a channel that is in use is refreshed.
    """

    def __init__(self, margin: float) -> None:
        self._margin = margin
        self._next_number = FIRST_CHANNEL
        self._by_number: dict[int, Channel] = {}
        self._by_peer: dict[Address, Channel] = {}
        self.next_timeout = NEVER
        """When `handle_timeout` is due, in seconds."""

    def with_number(self, number: int) -> Channel | None:
        """Return the channel with a number."""
        return self._by_number.get(number)

    def to(self, peer: Address) -> Channel | None:
        """Return the channel to a peer."""
        return self._by_peer.get(peer)

    def request(self, peer: Address, now: float) -> Channel | None:
        """Take note that a channel to a peer is being asked for: the one it had, or a new one; None if all are taken."""
        channel = self._by_peer.get(peer)
        if channel is None:
            number = self._free_number()
            if number is None:
                return None
            channel = Channel(number, peer, Lease(CHANNEL_LIFETIME, self._margin, now))
            self._by_number[number] = self._by_peer[peer] = channel
        else:
            # The same number for the same peer needs no time to cool down.
            channel.free_at = None
            channel.lease.request(now)
        self._update(now)
        return channel

    def _free_number(self) -> int | None:
        for _ in range(LAST_CHANNEL - FIRST_CHANNEL + 1):
            number = self._next_number
            self._next_number = FIRST_CHANNEL if number == LAST_CHANNEL else number + 1
            if number not in self._by_number:
                return number
        return None

    def granted(self, channel: Channel, now: float) -> None:
        """The server bound or prolonged a channel."""
        channel.free_at = None
        channel.lease.grant(now)
        self._update(now)

    def refused(self, channel: Channel, now: float) -> None:
        """The server did not bind it, or its answer was lost: nobody else gets number and peer for a while."""
        channel.free_at = now + CHANNEL_LIFETIME + CHANNEL_COOLING
        self._update(now)

    def clear(self) -> None:
        """Forget all."""
        self._by_number.clear()
        self._by_peer.clear()
        self.next_timeout = NEVER

    def handle_timeout(self, now: float) -> list[Channel]:
        """Let those that expired cool down, forget the cool ones, and return those to be refreshed."""
        if now < self.next_timeout:
            return []
        due = []
        for channel in list(self._by_number.values()):
            if channel.free_at is not None:
                if now >= channel.free_at:
                    del self._by_number[channel.number]
                    del self._by_peer[channel.peer]
            elif now >= channel.lease.expires_at:
                # [rfc8656:12/4]
                channel.free_at = channel.lease.expires_at + CHANNEL_COOLING
            elif channel.lease.handle_timeout(now):
                due.append(channel)
        self._update(now)
        return due

    def _update(self, now: float) -> None:
        self.next_timeout = min(
            (
                each.lease.next_timeout(now) if each.free_at is None else each.free_at
                for each in self._by_number.values()
            ),
            default=NEVER,
        )
