"""Offer and answer: from wishes to descriptions, and from descriptions to what the transports have to do (RFC 8829).

The negotiator touches no transport. Setting a description returns an `Outcome`, a list of orders, and happens entirely
or, if anything is wrong, not at all. Remote offers give no orders: what they say takes effect with our answer, so
that rolling them back costs nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from rtc_ice import Credentials
from rtc_peer.agreement import Agreement, agree_as_offerer, check_offer
from rtc_peer.answer import plan_answer
from rtc_peer.conclusion import conclude, transport_ids, transport_sections, with_agreed_encodings
from rtc_peer.configuration import BundlePolicy
from rtc_peer.description import MAX_CANDIDATES, AppliedDescription, SdpType, SessionDescription
from rtc_peer.drafting import Drafter, LocalPlan
from rtc_peer.errors import ModificationError, StateError
from rtc_peer.events import IceCandidateFound
from rtc_peer.lip_sync import LipSync, answered_lip_sync, lip_sync_of
from rtc_peer.numbers import Numbers
from rtc_peer.offer import plan_offer
from rtc_peer.orders import Outcome, StartOrder
from rtc_peer.reading import check_against_offer, check_against_session, parse, read
from rtc_peer.restart_wishes import RestartWishes
from rtc_peer.section import (
    ICE2,
    RENOMINATION,
    TRICKLE,
    BundleGroups,
    DataParameters,
    MediaSection,
    RemoteDescription,
    RemoteSection,
    TransportParameters,
    find_data_section,
)
from rtc_peer.signaling import Signaling
from rtc_peer.state import SignalingState
from rtc_peer.wishes import Wishes
from rtc_peer.writing import WrittenTransport
from rtc_sdp import Candidate, EndOfCandidates, Fingerprint, Role, answer_role
from rtc_sdp import SessionDescription as SdpDocument


class Negotiator:
    """The state of offer and answer.

    Args:
        rng: Source of randomness.
        fingerprints: Of our certificates.
        data: What we say about data channels.
        bundle_policy: How to treat peers that do not bundle.
        requires_cryptex: Whether peers are refused that cannot encrypt header extensions as a whole.
    """

    def __init__(
        self,
        *,
        rng: Callable[[int], bytes],
        fingerprints: tuple[Fingerprint, ...],
        data: DataParameters,
        bundle_policy: BundlePolicy,
        requires_cryptex: bool = False,
        ice_lite: bool = False,
        renomination: bool = False,
    ) -> None:
        self.signaling = Signaling()
        self.sections: tuple[MediaSection, ...] = ()
        """Of the pending descriptions, else of the current ones."""
        self.agreements: dict[int, Agreement] = {}
        """In force, by transport id."""
        self._restarts = RestartWishes()
        self.stable: tuple[MediaSection, ...] = ()
        """Of the current descriptions."""
        self._groups: BundleGroups = ()
        self._stable_groups: BundleGroups = ()
        self._lip_sync: LipSync = ()
        """The groups of the latest answer."""
        self._numbers = Numbers()
        self._stable_numbers = Numbers()
        self._offered: LocalPlan | None = None
        self.remote_offer: RemoteDescription | None = None
        """What the peer offers, until it is answered."""
        self.remote: RemoteDescription | None = None
        """What the peer said last."""
        self._last_offer: LocalPlan | None = None
        self._last_answer: LocalPlan | None = None
        self._ice_options = (TRICKLE, ICE2, RENOMINATION) if renomination else (TRICKLE, ICE2)
        self._remote_trickles: bool | None = None
        self._drafter = Drafter(rng=rng, fingerprints=fingerprints, data=data, ice_lite=ice_lite)
        self._bundle_policy = bundle_policy
        self._requires_cryptex = requires_cryptex

    # --- creating ---

    def create_offer(
        self, written: Mapping[int, WrittenTransport], wishes: Wishes, *, ice_restart: bool
    ) -> SessionDescription:
        """Make an offer of everything there is.

        Args:
            written: The transports that exist.
            wishes: What is wanted.
            ice_restart: Whether to ask for new ICE credentials.

        See :rfc:`8829#section-5.2`.
        """
        self._drafter.begin()
        numbers = self._numbers.copy()
        sections, groups = plan_offer(
            self.sections,
            self._groups,
            self.stable,
            wishes,
            numbers,
            bundle_policy=self._bundle_policy,
            new_transport_id=self._drafter.new_transport_id,
        )
        # [rfc8829:5.2.2/12]
        restart = ice_restart or bool(self._restarts)
        inputs = self._offer_inputs(written, wishes)
        parameters = self._drafter.offer_parameters(transport_ids(sections), written, restart=restart)
        # [rfc8829:5.2/1] [rfc8829:4.1.8/3]
        self._last_offer = self._drafter.draft(
            sections,
            groups,
            numbers,
            parameters,
            written,
            self._ice_options,
            inputs,
            lip_sync=lip_sync_of(sections, self._lip_sync),
        )
        return SessionDescription(SdpType.OFFER, self._last_offer.text)

    def create_answer(self, written: Mapping[int, WrittenTransport], wishes: Wishes) -> SessionDescription:
        """Make an answer to the remote offer.

        Raises:
            StateError: There is none.

        See :rfc:`8829#section-5.3`.
        """
        offer = self.remote_offer
        # [rfc8829:4.1.9/1] [rfc8829:5.3.1/1]
        if offer is None:
            raise StateError("there is no remote offer to answer")
        self._drafter.begin()
        numbers = self._numbers.copy()
        sections, groups = plan_answer(
            offer,
            self.sections,
            wishes,
            numbers,
            self.agreements,
            bundle_policy=self._bundle_policy,
            new_transport_id=self._drafter.new_transport_id,
        )
        parameters = {
            key: self._answer_parameters(key, written.get(key), remote)
            for key, index in transport_sections(sections, groups).items()
            if (remote := offer.sections[index].transport) is not None
        }
        options = tuple(name for name in self._ice_options if name in offer.ice_options)
        # [rfc8829:5.3/1] [rfc8829:4.1.9/2] [rfc8829:4.1.9/3] [rfc8829:4.1.9/4] [rfc8829:5.3.2/1]
        self._last_answer = self._drafter.draft(
            sections,
            groups,
            numbers,
            parameters,
            written,
            options,
            (dict(written), wishes),
            lip_sync=answered_lip_sync(sections, offer.lip_sync),
        )
        return SessionDescription(SdpType.ANSWER, self._last_answer.text)

    def _answer_parameters(
        self, key: int, written: WrittenTransport | None, remote: TransportParameters
    ) -> TransportParameters:
        agreed = self.agreements.get(key)
        # [rfc8829:5.10/5] [rfc8839:4.4.1.1.1/3]
        restart = agreed is not None and remote.credentials != agreed.remote.credentials
        continued = agreed is not None and remote.same_association(agreed.remote)
        # [rfc8829:5.3.2/8] [rfc8829:5.3.1/22] [rfc8829:5.3.1/23] [rfc8829:5.3.1/24]
        role = agreed.role if agreed is not None and continued else answer_role(remote.role)
        parameters = self._drafter.parameters(written, role, restart=restart, new_association=not continued)
        # [rfc8829:5.3.2/7] An old peer that does not name the association gets no name either (RFC 8842 section 5.3).
        return parameters if remote.tls_id is not None else replace(parameters, tls_id=None)

    def implicit(
        self, kind: SdpType | None, written: Mapping[int, WrittenTransport], wishes: Wishes
    ) -> SessionDescription:
        """Return the description to set if the application names none: the last one created if it is still accurate.

        Args:
            kind: Offer, answer or pranswer; None for what the state asks for.
            written: The transports that exist.
            wishes: What is wanted.

        Raises:
            StateError: There is nothing to answer.
        """
        offering = (SignalingState.STABLE, SignalingState.HAVE_LOCAL_OFFER, SignalingState.HAVE_REMOTE_PRANSWER)
        if kind is None:
            kind = SdpType.OFFER if self.signaling.state in offering else SdpType.ANSWER
        self.signaling.check(kind, remote=False)
        if kind is SdpType.OFFER:
            last = self._last_offer
            if last is not None and last.inputs == self._offer_inputs(written, wishes):
                return SessionDescription(kind, last.text)
            return self.create_offer(written, wishes, ice_restart=False)
        if self._last_answer is not None and self._last_answer.inputs == (dict(written), wishes):
            return SessionDescription(kind, self._last_answer.text)
        return SessionDescription(kind, self.create_answer(written, wishes).sdp)

    def _offer_inputs(self, written: Mapping[int, WrittenTransport], wishes: Wishes) -> object:
        return dict(written), wishes, self._restarts.state()

    # --- setting ---

    def set_local(self, description: SessionDescription) -> Outcome:
        """Apply a description of ours.

        Args:
            description: Exactly what was created last, or an empty rollback.

        Raises:
            StateError: Its type does not fit the state.
            ModificationError: It was altered, or is not the last one created.

        See :rfc:`8829#section-5.9`.
        """
        if description.type is SdpType.ROLLBACK:
            self.signaling.check(description.type, remote=False)
            return self._roll_back()
        is_offer = description.type is SdpType.OFFER
        plan = self._last_offer if is_offer else self._last_answer
        # [rfc8829:5.4/1] [rfc8829:5.5/4] [rfc8829:5.9/1] Nothing has changed yet. The text is judged before the type, as
        # in webrtc-pc section 4.4.1.5.
        if plan is None or plan.text != description.sdp:
            raise ModificationError(f"the {description.type.value} is not the last one that was created")
        self.signaling.check(description.type, remote=False)
        applied = AppliedDescription(description.type, SdpDocument.parse(plan.text))
        return self._apply_local_offer(applied, plan) if is_offer else self._apply_local_answer(applied, plan)

    def set_remote(self, description: SessionDescription) -> Outcome:
        """Apply a description of the peer. An offer in the state have-local-offer rolls ours back first.

        Raises:
            StateError: Its type does not fit the state.
            DescriptionSyntaxError: It is not well-formed SDP.
            DescriptionError: It is invalid, or does not fit the session.

        See :rfc:`8829#section-5.10`.
        """
        if description.type is SdpType.ROLLBACK:
            self.signaling.check(description.type, remote=True)
            return self._roll_back()
        glare = description.type is SdpType.OFFER and self.signaling.state is SignalingState.HAVE_LOCAL_OFFER
        if not glare:
            self.signaling.check(description.type, remote=True)
        # [rfc8829:8/1] [rfc8829:5.10/1] All checks come before the first change.
        document = parse(description.sdp)
        remote = read(document, is_answer=description.type is not SdpType.OFFER)
        if self._requires_cryptex and remote.has_media:
            from rtc_peer.media_reading import check_cryptex

            check_cryptex(remote)
        applied = AppliedDescription(description.type, document)
        if description.type is not SdpType.OFFER:
            return self._apply_remote_answer(applied, remote)
        sections = self.stable if glare else self.sections
        check_against_session(sections, remote)
        self._check_offered_transports(sections, remote)
        outcome = self._roll_back() if glare else Outcome()
        # [rfc8827:6.4/1] Nothing is ordered before our answer.
        self.signaling.set(applied, remote=True)
        self._remote_trickles = remote.trickle
        self.remote_offer = self.remote = remote
        self._last_answer = None
        self._note_numbers(remote, self.sections)
        return outcome

    def _note_numbers(self, remote: RemoteDescription, sections: tuple[MediaSection, ...]) -> None:
        self._numbers = self._numbers.copy()
        agreed = [section.agreed.local for section in sections if section.agreed is not None]
        for section in remote.sections:
            if section.media is not None:
                self._numbers.note(section.media, agreed)

    def _check_offered_transports(self, sections: tuple[MediaSection, ...], remote: RemoteDescription) -> None:
        for ours in sections:
            offered = remote.tag_of(ours.index).transport
            agreed = None if ours.transport_id is None else self.agreements.get(ours.transport_id)
            if agreed is not None and offered is not None:
                check_offer(agreed, offered)

    def _apply_local_offer(self, applied: AppliedDescription, plan: LocalPlan) -> Outcome:
        outcome = Outcome(gather=self._gathering(plan))
        # What is in force is only given up by an answer.
        kept = transport_ids((*plan.sections, *self.stable))
        outcome.close = [key for key in transport_ids(self.sections) if key not in kept]
        self.signaling.set(applied, remote=False)
        self.sections, self._groups, self._numbers, self._offered = plan.sections, plan.groups, plan.numbers, plan
        return outcome

    def _apply_local_answer(self, applied: AppliedDescription, plan: LocalPlan) -> Outcome:
        remote = self.remote_offer
        remote_document = self.signaling.remote
        if remote is None or remote_document is None:
            raise StateError("there is no remote offer to answer")
        outcome = Outcome(gather=self._gathering(plan))
        for key, index in transport_sections(plan.sections, plan.groups).items():
            theirs = remote.sections[index]
            if theirs.transport is not None:
                local = plan.parameters[key]
                agreement = Agreement(local=local, remote=theirs.transport, is_client=local.role is Role.ACTIVE)
                outcome.start.append(_start_order(key, agreement, remote_document, theirs))
        self._conclude(outcome, applied, plan, remote, is_remote=False)
        return outcome

    def _apply_remote_answer(self, applied: AppliedDescription, remote: RemoteDescription) -> Outcome:
        plan = self._offered
        offer = self.signaling.local
        if plan is None or offer is None:
            raise StateError("there is no local offer that was answered")
        check_against_offer(plan.sections, remote, plan.groups)
        remote = with_agreed_encodings(remote, offer.document)
        outcome = Outcome()
        sections = conclude(plan.sections, remote, remote.bundle_groups, we_offered=True)
        # [rfc8829:5.11/1]
        for key, index in transport_sections(sections, remote.bundle_groups).items():
            theirs = remote.sections[index]
            if theirs.transport is not None:
                agreement = agree_as_offerer(self.agreements.get(key), plan.parameters[key], theirs.transport)
                outcome.start.append(_start_order(key, agreement, applied, theirs))
        self._conclude(outcome, applied, plan, remote, is_remote=True)
        self._remote_trickles = remote.trickle
        self.remote = remote
        return outcome

    def _conclude(
        self,
        outcome: Outcome,
        applied: AppliedDescription,
        plan: LocalPlan,
        remote: RemoteDescription,
        *,
        is_remote: bool,
    ) -> None:
        """Put an answer into force, whoever gave it."""
        before = transport_ids((*plan.sections, *self.sections, *self.stable))
        self.signaling.set(applied, remote=is_remote)
        groups = remote.bundle_groups if is_remote else plan.groups
        sections = conclude(plan.sections, remote, groups, we_offered=is_remote)
        self.agreements.update((order.transport_id, order.agreement) for order in outcome.start)
        section = find_data_section(sections)
        theirs = None if section is None else remote.sections[section.index].data
        if section is not None and section.transport_id is not None and theirs is not None:
            outcome.data = (section.transport_id, theirs)
        self._numbers = plan.numbers.copy()
        for ours in plan.sections:
            self._numbers.note_mid(ours.mid)
        if is_remote:
            self._note_numbers(remote, sections)
        # [rfc8829:4.1.10/3] A provisional answer frees nothing.
        if applied.type is not SdpType.ANSWER:
            self.sections = tuple(
                ours if concluded.rejected else concluded
                for ours, concluded in zip(plan.sections, sections, strict=True)
            )
            self._groups = plan.groups
            return
        # [rfc8829:4.1.10/5]
        outcome.data_ended = section is None and find_data_section((*self.sections, *self.stable)) is not None
        alive = transport_ids(sections)
        outcome.close = [key for key in before if key not in alive]
        for key in outcome.close:
            self.agreements.pop(key, None)
        self.sections = self.stable = sections
        self._groups = self._stable_groups = groups
        self._lip_sync = remote.lip_sync if is_remote else answered_lip_sync(sections, remote.lip_sync)
        self._stable_numbers = self._numbers
        self._offered = self.remote_offer = self._last_offer = self._last_answer = None
        self._restarts.settle({each.credentials for each in plan.parameters.values()})

    def _gathering(self, plan: LocalPlan) -> list[tuple[int, TransportParameters]]:
        """Return the transports of a plan that are new, or that it restarts."""
        pending = {} if self._offered is None else self._offered.parameters
        found = []
        for key, parameters in plan.parameters.items():
            agreed = self.agreements.get(key)
            known = pending.get(key) or (None if agreed is None else agreed.local)
            # [rfc8829:5.9/2]
            if known is None or known.credentials != parameters.credentials:
                found.append((key, parameters))
                self._drafter.take_from_pool(key)
        return found

    def _roll_back(self) -> Outcome:
        """Return to the last stable state."""
        outcome = Outcome(rolled_back=True)
        if self._offered is not None:
            stable = transport_ids(self.stable)
            outcome.close = [key for key in transport_ids(self.sections) if key not in stable]
            outcome.roll_back = [
                (key, agreed.local)
                for key, parameters in self._offered.parameters.items()
                if (agreed := self.agreements.get(key)) is not None
                and agreed.local.credentials != parameters.credentials
            ]
        self.signaling.roll_back()
        self.sections, self._groups, self._numbers = self.stable, self._stable_groups, self._stable_numbers
        self._offered = self.remote_offer = self._last_offer = self._last_answer = None
        return outcome

    # --- asking ---

    @property
    def remote_trickles(self) -> bool | None:
        """Whether the peer takes candidates after its description; None before there is one."""
        return self._remote_trickles

    @property
    def lip_sync(self) -> LipSync:
        """The groups of sections that are played in step, by the latest answer."""
        return self._lip_sync

    @property
    def data_section(self) -> MediaSection | None:
        """The section of the data channels, where they are negotiated or proposed by us."""
        return find_data_section(self.sections)

    def transport_of(self, index: int) -> int | None:
        """Return the transport of a section."""
        return self.sections[index].transport_id if index < len(self.sections) else None

    def candidate_names(self, transport_id: int) -> tuple[str, int]:
        """Return mid and index of the section that a transport signals its candidates for: the first that uses it."""
        for section in self.sections:
            if section.transport_id == transport_id:
                return section.mid, section.index
        return "", 0

    def note_candidate(self, event: IceCandidateFound) -> None:
        """Write a local candidate into the descriptions of its generation."""
        # Within a description its section tells the generation.
        value = event.candidate.removeprefix("candidate:").removesuffix(f" ufrag {event.username_fragment}")
        for description in (self.signaling.pending_local, self.signaling.current_local):
            if description is not None and description.is_of_generation(
                event.sdp_m_line_index, event.username_fragment
            ):
                description.take_candidate(event.sdp_m_line_index, value)

    def note_transports(self, written: Mapping[int, WrittenTransport]) -> None:
        """Write what was found since a description of ours was created into it, now that it is set."""
        for key, transport in written.items():
            mid, index = self.candidate_names(key)
            ufrag = transport.parameters.credentials.ufrag
            for candidate in transport.candidates:
                self.note_candidate(IceCandidateFound(str(candidate), mid, index, ufrag))
            if transport.gathering_complete:
                self.note_candidate(IceCandidateFound("", mid, index, ufrag))

    def needs_negotiation(self, *, wants_data: bool) -> bool:
        """Whether something was changed that is not in the current descriptions (webrtc-pc section 4.7.3)."""
        if self._restarts.asked:
            return True
        return wants_data and find_data_section(self.stable) is None

    def fill_pool(self, size: int) -> dict[int, TransportParameters]:
        """Let so many transports gather ahead of time; returns all that do."""
        return self._drafter.fill_pool(size)

    def restart_ice(self) -> None:
        """Ask for new credentials in the next offer, and for that offer."""
        self._restarts.asked = self._credentials_in_use()

    def configuration_changed(self) -> None:
        """Ask for new credentials in the next offer, whenever it is made: "needs-ice-restart" of :rfc:`8829#section-3.5.1`."""
        self._restarts.outdated = self._credentials_in_use()

    def _credentials_in_use(self) -> frozenset[Credentials]:
        agreed = {each.local.credentials for each in self.agreements.values()}
        pending = {} if self._offered is None else self._offered.parameters
        return frozenset(agreed | {each.credentials for each in pending.values()})


def _start_order(key: int, agreement: Agreement, applied: AppliedDescription, section: RemoteSection) -> StartOrder:
    """Order a start with all candidates that are known, those included that came after the description."""
    document = applied.document
    indexes = dict.fromkeys((section.transport_index, section.index))
    candidates = [each.text for index in indexes for each in document.media[index].get_all(Candidate)]
    ended = any(document.effective(document.media[index], EndOfCandidates) is not None for index in indexes)
    return StartOrder(
        transport_id=key,
        agreement=agreement,
        candidates=tuple(dict.fromkeys(candidates))[:MAX_CANDIDATES],
        end_of_candidates=ended,
    )
