"""The hosts that may send to us through the relay, as the client knows them (:rfc:`8656#section-9`)."""

from rtc_stun import Address
from rtc_turn.config import PERMISSION_LIFETIME
from rtc_turn.lease import NEVER, Lease


class Permission:
    """One host, and what waits for its permission to be granted."""

    __slots__ = ("held", "host", "lease")

    def __init__(self, host: str, lease: Lease) -> None:
        self.host = host
        self.lease = lease
        self.held: list[tuple[Address, bytes]] = []


class Permissions:
    """The permissions by host, in the order of their requests.

    Args:
        margin: Seconds before its end at which a permission that is in use is refreshed.
    """

    def __init__(self, margin: float) -> None:
        self._margin = margin
        self._by_host: dict[str, Permission] = {}
        self.held_bytes = 0
        """Data that waits, over all of them."""
        self.next_timeout = NEVER
        """When `handle_timeout` is due, in seconds."""

    def __len__(self) -> int:
        return len(self._by_host)

    def get(self, host: str) -> Permission | None:
        """Return the permission of a host, granted or requested."""
        return self._by_host.get(host)

    def request(self, host: str, now: float) -> Permission:
        """Take note that one is being asked for."""
        permission = self._by_host[host] = Permission(host, Lease(PERMISSION_LIFETIME, self._margin, now))
        return permission

    def hold(self, permission: Permission, peer: Address, data: bytes) -> None:
        """Keep data until the permission is there."""
        permission.held.append((peer, data))
        self.held_bytes += len(data)

    def granted(self, host: str, now: float) -> list[tuple[Address, bytes]]:
        """The server granted or prolonged it: return what waited."""
        permission = self._by_host.get(host) or self.request(host, now)
        permission.lease.grant(now)
        self._update(now)
        return self._release(permission)

    def refresh_failed(self, host: str, now: float) -> None:
        """The server did not prolong one."""
        self._by_host[host].lease.refresh_failed(now)
        self._update(now)

    def remove(self, host: str, now: float) -> int:
        """Forget one and what waited for it: return how many datagrams that were."""
        permission = self._by_host.pop(host, None)
        self._update(now)
        return 0 if permission is None else len(self._release(permission))

    def clear(self) -> None:
        """Forget all."""
        self._by_host.clear()
        self.held_bytes = 0
        self.next_timeout = NEVER

    def handle_timeout(self, now: float) -> list[str]:
        """Forget what has ended, and return the hosts whose permissions are to be refreshed."""
        if now < self.next_timeout:
            return []
        for permission in [each for each in self._by_host.values() if now >= each.lease.expires_at]:
            del self._by_host[permission.host]
        due = [each.host for each in self._by_host.values() if each.lease.handle_timeout(now)]
        self._update(now)
        return due

    def _release(self, permission: Permission) -> list[tuple[Address, bytes]]:
        held, permission.held = permission.held, []
        self.held_bytes -= sum(len(data) for _, data in held)
        return held

    def _update(self, now: float) -> None:
        self.next_timeout = min((each.lease.next_timeout(now) for each in self._by_host.values()), default=NEVER)
