"""Whatever two applications do to their transceivers, and in whatever order they negotiate, both sides end up with the same."""

import copy
import itertools
import pickle
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from hypothesis import settings, strategies
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from tests.peer.descriptions import parsed
from tests.peer.talk import Talk, check_agreement
from tests.support.effort import examples

from rtc_peer import (
    AUDIO_CODECS,
    VIDEO_CODECS,
    BundlePolicy,
    Configuration,
    ExtensionEncryption,
    PeerConnection,
    RtpHeaderEncryptionPolicy,
    RtpTransceiver,
    SdpType,
    SessionDescription,
    SignalingState,
)
from rtc_rtp.parameters import SendEncoding
from rtc_sdp import DescriptionError as RuleError
from rtc_sdp import Direction, Extmap, Fmtp, Mid, RtpMap, check_answer, check_description, check_offer
from rtc_sdp import SessionDescription as SdpDocument

MOST_TRANSCEIVERS = 6
SIDES = strategies.sampled_from(["left", "right"])
KINDS = strategies.sampled_from(["audio", "video"])
HIDING = [
    each
    for each in itertools.product(RtpHeaderEncryptionPolicy, repeat=2)
    if set(each) != {RtpHeaderEncryptionPolicy.DISABLE, RtpHeaderEncryptionPolicy.REQUIRE}
]
DIRECTIONS = strategies.sampled_from(list(Direction))
ROLLBACK = SessionDescription(SdpType.ROLLBACK)


class MediaNegotiation(RuleBasedStateMachine):
    """Two peers; descriptions travel at once, or not at all."""

    @initialize(
        policies=strategies.tuples(*[strategies.sampled_from(list(BundlePolicy))] * 2),
        hiding=strategies.sampled_from(HIDING),
    )
    def begin(
        self,
        policies: tuple[BundlePolicy, BundlePolicy],
        hiding: tuple[RtpHeaderEncryptionPolicy, RtpHeaderEncryptionPolicy],
    ) -> None:
        """Two new connections."""
        left, right = (
            Configuration(bundle_policy=policy, rtp_header_encryption_policy=hides)
            for policy, hides in zip(policies, hiding, strict=True)
        )
        self.talk = Talk(left=left, right=right)
        self.tracks = 0
        self.meanings: dict[tuple[str, str], str] = {}
        self.said: dict[str, SdpDocument] = {}

    def _peer(self, side: str) -> PeerConnection:
        return self.talk.left if side == "left" else self.talk.right

    def _transceiver(self, side: str, number: int) -> RtpTransceiver | None:
        living = [each for each in self._peer(side).transceivers if not each.stopping]
        return living[number % len(living)] if living else None

    # --- what applications do ---

    @rule(side=SIDES, kind=KINDS, direction=DIRECTIONS, count=strategies.integers(0, 3))
    def add_transceiver(self, side: str, kind: str, direction: Direction, count: int) -> None:
        """With simulcast or without."""
        peer = self._peer(side)
        if len(peer.transceivers) < MOST_TRANSCEIVERS:
            encodings = [SendEncoding(ssrc=0)] * (count if kind == "video" else 0)
            peer.add_transceiver(kind, direction=direction, encodings=encodings, stream_ids=["s"] * count)

    @rule(side=SIDES, kind=KINDS)
    def add_track(self, side: str, kind: str) -> None:
        """Into an old transceiver, or a new one."""
        peer = self._peer(side)
        if len(peer.transceivers) < MOST_TRANSCEIVERS:
            self.tracks += 1
            peer.add_track(kind, f"track{self.tracks}", [f"stream{self.tracks % 2}"])

    @rule(side=SIDES, number=strategies.integers(0, 9))
    def remove_track(self, side: str, number: int) -> None:
        """If there is one."""
        transceiver = self._transceiver(side, number)
        if transceiver is not None:
            self._peer(side).remove_track(transceiver.sender)

    @rule(side=SIDES, number=strategies.integers(0, 9), direction=DIRECTIONS)
    def change_direction(self, side: str, number: int, direction: Direction) -> None:
        """Hold, resume ..."""
        transceiver = self._transceiver(side, number)
        if transceiver is not None:
            transceiver.direction = direction

    @rule(side=SIDES, number=strategies.integers(0, 9))
    def stop(self, side: str, number: int) -> None:
        """End one for good."""
        transceiver = self._transceiver(side, number)
        if transceiver is not None:
            transceiver.stop()

    @rule(
        side=SIDES, number=strategies.integers(0, 9), first=strategies.integers(0, 5), count=strategies.integers(0, 4)
    )
    def prefer_codecs(self, side: str, number: int, first: int, count: int) -> None:
        """A few, in another order; always with one that the other side has as well."""
        transceiver = self._transceiver(side, number)
        if transceiver is not None:
            codecs = AUDIO_CODECS if transceiver.kind == "audio" else VIDEO_CODECS
            chosen = codecs[first : first + count]
            transceiver.set_codec_preferences((*chosen, codecs[0]) if count else ())

    @rule(
        side=SIDES,
        number=strategies.integers(0, 9),
        first=strategies.integers(0, 9),
        encryption=strategies.sampled_from(list(ExtensionEncryption)),
    )
    def encrypt_header_extensions(self, side: str, number: int, first: int, encryption: ExtensionEncryption) -> None:
        """A few of them, and they are wanted again if they were not agreed upon."""
        transceiver = self._transceiver(side, number)
        if transceiver is not None:
            transceiver.set_header_extensions(
                replace(each, encryption=encryption, direction=Direction.SENDRECV) if index % 10 == first else each
                for index, each in enumerate(transceiver.header_extensions)
            )

    @rule(side=SIDES)
    def create_data_channel(self, side: str) -> None:
        """Beside media."""
        self._peer(side).create_data_channel("data")

    # --- how they negotiate ---

    def _both_stable(self) -> bool:
        return all(self._peer(side).signaling_state is SignalingState.STABLE for side in ("left", "right"))

    def _awaits(self, side: str) -> bool:
        return self._peer(side).signaling_state in (
            SignalingState.HAVE_REMOTE_OFFER,
            SignalingState.HAVE_LOCAL_PRANSWER,
        )

    @precondition(lambda self: self._both_stable())
    @rule(side=SIDES)
    def offer(self, side: str) -> None:
        """One side offers."""
        self.talk.offer(self._peer(side))

    @precondition(lambda self: self._awaits("left") or self._awaits("right"))
    @rule(kind=strategies.sampled_from([SdpType.ANSWER, SdpType.PRANSWER]))
    def answer(self, kind: SdpType) -> None:
        """The other one answers."""
        self.talk.answer(self._peer("left" if self._awaits("left") else "right"), kind)

    @precondition(lambda self: self._both_stable())
    @rule(side=SIDES)
    def offer_and_roll_back(self, side: str) -> None:
        """An offer that comes to nothing leaves nothing behind, on either side; but what it rejects is over."""
        peer = self._peer(side)
        if any(each.stopping for each in peer.transceivers):
            return
        before = [_standing(each) for each in (self.talk.left, self.talk.right)]

        self.talk.offer(peer)
        peer.set_local_description(ROLLBACK, 0.0)
        self.talk.other(peer).set_remote_description(ROLLBACK, 0.0)

        assert [_standing(each) for each in (self.talk.left, self.talk.right)] == before

    @precondition(lambda self: self._both_stable())
    @rule(polite=SIDES)
    def glare(self, polite: str) -> None:
        """Both offer; the polite side gives in."""
        gives_in = self._peer(polite)
        insists = self.talk.other(gives_in)
        gives_in.set_local_description(None, 0.0)
        self.talk.offer(insists)
        self.talk.answer(gives_in)

    @precondition(lambda self: self._both_stable())
    @rule()
    def settle(self) -> None:
        """Negotiating for as long as somebody needs it comes to an end."""
        for _ in range(6):
            needed = [side for side in ("left", "right") if self._peer(side).negotiation_needed]
            if not needed:
                break
            self.talk.negotiate(self._peer(needed[0]))
            self._check_descriptions()
        assert not any(self._peer(side).negotiation_needed for side in ("left", "right"))

    @rule(side=SIDES)
    def copy(self, side: str) -> None:
        """A connection is data: a copy takes its place."""
        peer = self._peer(side)
        copied = pickle.loads(pickle.dumps(peer)) if side == "left" else copy.deepcopy(peer)
        setattr(self.talk, side, copied)

    # --- what always holds ---

    @invariant()
    def both_mean_the_same(self) -> None:
        """As soon as both are stable."""
        if hasattr(self, "talk") and self._both_stable():
            check_agreement(self.talk.left, self.talk.right)

    @invariant()
    def numbers_keep_their_meaning(self) -> None:
        """In all descriptions that each side ever sets, whatever the section."""
        for side in ("left", "right") if hasattr(self, "talk") else ():
            description = self._peer(side).current_local_description
            for media in parsed(description).media if description is not None else ():
                mid = media.get(Mid)
                if media.port == 0 or not media.is_rtp or mid is None:
                    continue
                fmtps = {each.format: each.parameters for each in media.get_all(Fmtp)}
                for rtpmap in media.get_all(RtpMap):
                    apt = fmtps.get(str(rtpmap.payload_type), "") if rtpmap.encoding == "rtx" else ""
                    self._remember(f"pt {mid.tag}", str(rtpmap.payload_type), f"{rtpmap.encoding} {apt}")
                for extmap in media.get_all(Extmap):
                    self._remember("extension", str(extmap.id), extmap.name)

    @invariant()
    def descriptions_keep_the_rules(self) -> None:
        """As soon as both are stable."""
        if hasattr(self, "talk") and self._both_stable() and self.talk.left.current_local_description is not None:
            self._check_descriptions()

    def _check_descriptions(self) -> None:
        """The rules are those of SDP, of offer and answer, of BUNDLE and of the attributes."""
        said = {side: self._peer(side).current_local_description for side in ("left", "right")}
        documents = {side: parsed(description) for side, description in said.items()}
        if documents == self.said:
            return
        for document in documents.values():
            # RFC 8829 has sections in LS groups that are offered for their bundle alone.
            problems = _problems_of(partial(check_description, document))
            assert not [each for each in problems if "which has port 0" not in each]
        offerer = next(side for side, description in said.items() if description and description.type is SdpType.OFFER)
        answerer = "right" if offerer == "left" else "left"
        # Offers that came to nothing are counted as well (RFC 8829 section 5.2.2).
        previous, opposite = self.said.get(offerer), self.said.get(answerer)
        problems = _problems_of(lambda: check_offer(documents[offerer], previous, opposite=opposite, received=True))
        assert not [each for each in problems if "version" not in each]
        check_answer(documents[offerer], documents[answerer])
        self.said = documents

    def _remember(self, space: str, number: str, meaning: str) -> None:
        assert self.meanings.setdefault((space, number), meaning) == meaning


def _problems_of(check: Callable[[], None]) -> list[str]:
    try:
        check()
    except RuleError as error:
        return [str(each) for each in error.problems]
    return []


def _standing(peer: PeerConnection) -> object:
    return (
        peer.signaling_state,
        peer.current_local_description,
        peer.current_remote_description,
        peer.negotiated_media,
        [
            (each.id, each.mid, each.current_direction, each.receiver.remote_stream_ids, each.sender.rids)
            for each in peer.transceivers
        ],
    )


MediaNegotiation.TestCase.settings = settings(examples(20), stateful_step_count=15)
TestMediaNegotiation = MediaNegotiation.TestCase
