"""Drafting our own descriptions: the parameters of each transport, the version of the session, the text.

What sections there are is decided elsewhere (`rtc_peer.offer`, `rtc_peer.answer`); what a draft does is decided when it
is set.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from rtc_ice import Credentials
from rtc_peer.dataclass import dataclass
from rtc_peer.numbers import Numbers
from rtc_peer.section import BundleGroups, DataParameters, MediaSection, TransportParameters
from rtc_peer.writing import DescriptionPlan, WrittenTransport, write
from rtc_sdp import Fingerprint, Origin, Role

_TLS_ID_LENGTH: Final = 15
"""Random bytes of a ``tls-id``: 120 bits, as RFC 8842 section 4 asks for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalPlan:
    """A description of ours with all that was decided for it."""

    text: str
    sections: tuple[MediaSection, ...]
    groups: BundleGroups
    numbers: Numbers
    """The payload types and identifiers in use once it is set."""
    parameters: dict[int, TransportParameters]
    """By transport id."""
    inputs: object
    """What the plan was made from: as long as that is the same, the plan is still accurate."""


class Drafter:
    """Writes descriptions; it keeps what all of a session have in common.

    Args:
        rng: Source of randomness.
        fingerprints: Of our certificates.
        data: What we say about data channels.
        ice_lite: Whether our ICE agents are lite ones.
    """

    __slots__ = (
        "_data",
        "_fingerprints",
        "_free",
        "_ice_lite",
        "_origin",
        "_pooled",
        "_rng",
        "_transport_count",
        "_version",
    )

    def __init__(
        self,
        *,
        rng: Callable[[int], bytes],
        fingerprints: tuple[Fingerprint, ...],
        data: DataParameters,
        ice_lite: bool,
    ) -> None:
        self._rng = rng
        self._fingerprints = fingerprints
        self._data = data
        self._ice_lite = ice_lite
        # [rfc8829:5.2.1/3] [rfc8829:5.2.1/4] [rfc8829:5.2.1/5] [rfc8829:5.2.1/6]
        self._origin = replace(Origin.create(rng), unicast_address="0.0.0.0")  # noqa: S104 - written, never bound
        self._version = 0
        self._transport_count = 0
        self._pooled: dict[int, TransportParameters] = {}
        """The transports that gather ahead of time, and that no description has taken."""
        self._free: list[int] = []
        """Those of them that the plan under way has not taken."""

    def begin(self) -> None:
        """Begin another plan, which may take what is in the pool whatever earlier plans took: only one is ever set."""
        self._free = list(self._pooled)

    def new_transport_id(self) -> int:
        """Return a key for another transport, one of the pool first."""
        # [rfc8829:3.5.4/1]
        if self._free:
            return self._free.pop(0)
        self._transport_count += 1
        return self._transport_count - 1

    def fill_pool(self, size: int) -> dict[int, TransportParameters]:
        """Let transports gather ahead of time, so many; returns all of them."""
        while len(self._pooled) > size:
            self._pooled.popitem()
        self._free.clear()
        credentials = next((each.credentials for each in self._pooled.values()), None)
        while len(self._pooled) < size:
            made = self.parameters(None, Role.ACTPASS, restart=False, new_association=False, fresh=credentials)
            credentials = made.credentials
            self._pooled[self.new_transport_id()] = made
        return dict(self._pooled)

    def take_from_pool(self, key: int) -> None:
        """Take note that a description that is set has a transport."""
        self._pooled.pop(key, None)

    def offer_parameters(
        self, keys: Sequence[int], written: Mapping[int, WrittenTransport], *, restart: bool
    ) -> dict[int, TransportParameters]:
        """Decide what an offer says about its transports.

        Args:
            keys: The transports of the offer.
            written: Those that exist.
            restart: Whether to draw new ICE credentials.
        """
        # [rfc8829:5.2.1/15] Sections that may end up in one bundle have one set of credentials, as browsers write it: the
        # bundle changes nothing for any of them then. Chromium would take such a change for an ICE restart.
        known = [written[key].parameters.credentials for key in keys if key in written]
        pooled = [self._pooled[key].credentials for key in keys if key in self._pooled]
        shared = None if restart else next(iter((*known, *pooled)), None)
        if shared is None and keys:
            shared = Credentials.generate(self._rng)
        return {
            # [rfc8829:5.2.1/40]
            key: self.parameters(written.get(key), Role.ACTPASS, restart=restart, new_association=False, fresh=shared)
            for key in keys
        }

    def parameters(
        self,
        written: WrittenTransport | None,
        role: Role,
        *,
        restart: bool,
        new_association: bool,
        fresh: Credentials | None = None,
    ) -> TransportParameters:
        """Decide what a description says about a transport.

        Args:
            written: The transport; None if it is new.
            role: Our part in the DTLS handshake.
            restart: Whether to take new ICE credentials.
            new_association: Whether to name another DTLS association.
            fresh: ICE credentials for a transport that is new or restarts; None to draw some.
        """
        known = None if written is None else written.parameters
        # [rfc8829:5.3.2/7] [rfc8842:4/2] [rfc8842:5.3/3] [rfc8842:5.3/5] [rfc8842:5.5/3]
        tls_id = None if known is None or new_association else known.tls_id
        return TransportParameters(
            # [rfc8829:5.2.2/12] [rfc8829:5.2.3.1/1] [rfc8829:5.3.2/5] [rfc8827:6.3/5] [rfc8839:4.4.2.1/1]
            credentials=known.credentials
            if known is not None and not restart
            else fresh or Credentials.generate(self._rng),
            ice_lite=self._ice_lite,
            # [rfc8122:5.1/1]
            fingerprints=self._fingerprints,
            role=role,
            tls_id=tls_id or self._rng(_TLS_ID_LENGTH).hex(),
        )

    def draft(
        self,
        sections: tuple[MediaSection, ...],
        groups: BundleGroups,
        numbers: Numbers,
        parameters: dict[int, TransportParameters],
        written: Mapping[int, WrittenTransport],
        ice_options: tuple[str, ...],
        inputs: object,
        *,
        lip_sync: tuple[tuple[str, ...], ...],
    ) -> LocalPlan:
        """Write a description.

        Args:
            sections: What there is.
            groups: How it is bundled.
            numbers: The payload types and identifiers in use.
            parameters: By transport id.
            written: The transports that exist; their candidates are shown where the credentials are still theirs.
            ice_options: What we say about ICE.
            inputs: What all of this was decided from.
            lip_sync: Mids of the sections that are played in step.
        """
        transports = {}
        for key, each in parameters.items():
            known = written.get(key)
            if known is None or known.parameters.credentials != each.credentials:
                transports[key] = WrittenTransport(parameters=each)
            else:
                transports[key] = replace(known, parameters=each)
        # [rfc8829:5.2.2/2] [rfc8829:5.3.2/2] Whether or not anything differs.
        origin = replace(self._origin, sess_version=self._version)
        self._version += 1
        document = write(
            DescriptionPlan(
                origin=origin,
                sections=sections,
                groups=groups,
                lip_sync=lip_sync,
                transports=transports,
                data=self._data,
                ice_options=ice_options,
            )
        )
        return LocalPlan(
            text=str(document),
            sections=sections,
            groups=groups,
            numbers=numbers,
            parameters=parameters,
            inputs=inputs,
        )
