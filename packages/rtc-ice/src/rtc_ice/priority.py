"""How candidates and pairs are ranked (:rfc:`8445#section-5.1.2`, :rfc:`8445#section-6.1.2.3`, :rfc:`6544#section-4.2`)."""

from typing import Final

MAX_PRIORITY: Final = 2**31 - 1
MAX_LOCAL_PREFERENCE: Final = 65_535
MAX_COMPONENT_ID: Final = 256

# [rfc8445:5.1.2.1/4] [rfc8445:5.1.2.2/1]
TYPE_PREFERENCES: Final = {"host": 126, "prflx": 110, "srflx": 100, "relay": 0}
"""The recommended preference of each type: the more a path resembles a direct one, the better."""


TCP_TYPE_PREFERENCES: Final = {"host": 90, "prflx": 80, "srflx": 70, "relay": 0}
"""For TCP: below all of UDP that need no relay, because media lose less by a lost packet than by waiting for it."""


def candidate_priority(candidate_type: str, local_preference: int, component_id: int, transport: str = "udp") -> int:
    """Compute a candidate's priority, 1 to 2**31 - 1.

    Args:
        candidate_type: ``host``, ``prflx``, ``srflx`` or ``relay``.
        local_preference: 0 to 65,535; differs between candidates of the same type and component.
        component_id: 1 to 256.
        transport: ``udp`` or ``tcp``.

    Raises:
        ValueError: An argument is out of its range.

    See :rfc:`8445#section-5.1.2.1`.
    """
    # [rfc8445:5.1.2.1/1] [rfc8445:5.1.2.1/2] [rfc8445:5.1.2.1/3] One table: equal within a type, else different.
    # [rfc6544:4.2/1] [rfc6544:4.2/2] [rfc6544:4.2/3] [rfc6544:4.2/4] For TCP there is another.
    type_preference = (TYPE_PREFERENCES if transport == "udp" else TCP_TYPE_PREFERENCES).get(candidate_type)
    if type_preference is None:
        raise ValueError(f"no type preference is known for {candidate_type!r}")
    # [rfc8445:5.1.2.1/5]
    if not 0 <= local_preference <= MAX_LOCAL_PREFERENCE:
        raise ValueError("a local preference is 0 to 65,535")
    # [rfc8445:5.1.2.1/9]
    if not 1 <= component_id <= MAX_COMPONENT_ID:
        raise ValueError("a component ID is 1 to 256")
    # [rfc8421:5/2]
    # [rfc8445:5.1.2/2] [rfc8445:5.1.2/3] A component ID of 256 at the bottom of a relay's range would give 0.
    return max(1, (type_preference << 24) | (local_preference << 8) | (256 - component_id))


def pair_priority(controlling: int, controlled: int) -> int:
    """Compute a pair's priority, which both agents rank alike.

    Args:
        controlling: Priority of the controlling agent's candidate (G).
        controlled: Priority of the controlled agent's candidate (D).

    See :rfc:`8445#section-6.1.2.3`.
    """
    smaller, larger = (controlling, controlled) if controlling < controlled else (controlled, controlling)
    return (smaller << 32) + 2 * larger + (controlling > controlled)
