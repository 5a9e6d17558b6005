"""Byte for byte what libsrtp makes, and the other way round: packets of all kinds, roll-over, reordering, duplicates."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pylibsrtp import Error, Session
from tests.srtp import libsrtp
from tests.srtp.packets import master_key, receiver_report, rtp
from tests.support.effort import examples

from rtc_srtp import (
    AuthenticationError,
    PacketReuseError,
    ParseError,
    ProtectionProfile,
    ReplayError,
    SrtpReceiver,
    SrtpSender,
    UnprotectError,
)

each_profile = pytest.mark.parametrize("profile", libsrtp.PROFILES, ids=lambda profile: profile.name)
profiles = st.sampled_from(sorted(libsrtp.PROFILES))


def attempt(call: object, packet: bytes) -> bytes | None:
    """What libsrtp returns; None where it refuses."""
    assert callable(call)
    try:
        result: bytes = call(packet)
    except Error:
        return None
    return result


def random_packet(random: Random, sequence_number: int, ssrc: int) -> bytes:
    extension = None
    if random.random() < 0.5:
        profile = random.choice([0xBEDE, 0x1000, 0x1003, 0xABAC])
        extension = profile, random.randbytes(4 * random.randrange(5))
    csrcs = tuple(random.getrandbits(32) for _ in range(random.choice([0, 0, 0, 1, 3, 15])))
    payload = random.randbytes(random.choice([0, 1, 2, 3, 4, 20, 160, 1200]))
    return rtp(sequence_number, ssrc=ssrc, payload=payload, csrcs=csrcs, extension=extension)


def random_stream(random: Random, count: int) -> list[bytes]:
    """Packets of three sources, in order but for a few, with gaps, through two roll-overs each."""
    packets: list[bytes] = []
    for ssrc in (1, 0x8000_0000, 0xFFFF_FFFF):
        number = random.randrange(1 << 15)
        numbers = []
        for _ in range(count):
            number += random.choice([1, 1, 1, 1, 1, 2, 5, 200, 20_000])
            numbers.append(number)
        for _ in range(count // 10):
            place = random.randrange(count - 3)
            if abs(numbers[place + 2] - numbers[place]) < 1000:  # what is further behind is refused
                numbers[place], numbers[place + 2] = numbers[place + 2], numbers[place]
        packets += [random_packet(random, number, ssrc) for number in numbers]
    return packets


@each_profile
@pytest.mark.spec(
    "rfc3711:3.1/6", "rfc3711:3.1/7", "rfc3711:3.3/1", "rfc3711:3.3/2", "rfc3711:3.3/3", "rfc3711:4.2/1", "rfc3711:4.2.1/1",
    "rfc3711:4.2.1/2", "rfc3711:5/1", "rfc3711:5.1/1", "rfc3711:5.2/1", "rfc3711:9.5/4", "rfc3711:5.2/3", "rfc3711:3.2.1/11",
    "rfc3711:4.2/3", "rfc3711:9.1/3", "rfc7714:11/1", "rfc7714:11/2", "rfc7714:14.2/1", "rfc7714:8.2/4", "rfc7714:3/2",
    "rfc3711:4.3.1/2", "rfc3711:11.4/3",
)  # fmt: skip
def test_streams_protected_here_and_there_are_equal(profile: ProtectionProfile) -> None:
    random = Random(f"streams {profile}")
    key = master_key(profile)
    ours, theirs = SrtpSender(profile, key), libsrtp.sender(profile, key)
    packets = random_stream(random, 400)

    protected = ours.protect_many(packets)

    assert protected == [theirs.protect(packet) for packet in packets]
    assert SrtpReceiver(profile, key).unprotect_many(protected) == packets
    receiver = libsrtp.receiver(profile, key)
    assert [receiver.unprotect(packet) for packet in protected] == packets
    assert ours.roll_over_counter(1) >= 2


@each_profile
@pytest.mark.spec(
    "rfc3711:3.4/1", "rfc3711:3.4/3", "rfc3711:3.4/5", "rfc3711:3.4/7", "rfc3711:3.4/8", "rfc3711:3.4/11", "rfc3711:4.1.1/3",
    "rfc3711:4.2/2", "rfc3711:4.3.2/1", "rfc3711:5.2/2", "rfc3711:9.5/3", "rfc3711:3.2.1/9", "rfc3711:8/3", "rfc3711:3.2.1/8",
)  # fmt: skip
def test_rtcp_protected_here_and_there_is_equal(profile: ProtectionProfile) -> None:
    key = master_key(profile)
    ours, theirs = SrtpSender(profile, key), libsrtp.sender(profile, key)
    packets = [receiver_report(ssrc=n % 2, blocks=n % 4) for n in range(40)]
    packets += [receiver_report() + bytes(n) for n in range(20)]
    for ssrc in (0, 1, 0x1234_5678):
        ours.set_srtcp_index(ssrc, 1)  # RFC 3711 counts from zero, libsrtp from one

    protected = [ours.protect_rtcp(packet) for packet in packets]

    assert protected == [theirs.protect_rtcp(packet) for packet in packets]
    receiver = SrtpReceiver(profile, key)
    assert [receiver.unprotect_rtcp(packet) for packet in protected] == packets
    peer = libsrtp.receiver(profile, key)
    assert [peer.unprotect_rtcp(packet) for packet in protected] == packets


@each_profile
@pytest.mark.spec("rfc3711:3.4/4")
def test_libsrtp_takes_an_index_of_zero(profile: ProtectionProfile) -> None:
    key = master_key(profile)
    protected = SrtpSender(profile, key).protect_rtcp(receiver_report())

    assert libsrtp.receiver(profile, key).unprotect_rtcp(protected) == receiver_report()
    assert SrtpReceiver(profile, key).unprotect_rtcp(protected) == receiver_report()


@given(
    profile=profiles,
    first=st.integers(0, (1 << 15) - 1),
    steps=st.lists(
        st.sampled_from([1, 1, 1, 2, -1, -2, -5, 0, 63, -1023, -1024, -1025, 1024, 30_000, -30_000, 0x8000]),
        max_size=60,
    ),
)
@examples(60)
def test_senders_take_and_refuse_the_same_sequence_numbers(
    profile: ProtectionProfile, first: int, steps: list[int]
) -> None:
    key = master_key(profile)
    ours, theirs = SrtpSender(profile, key), libsrtp.sender(profile, key)
    number = first
    for step in [0, *steps]:
        number = max(number + step, 0)
        packet = rtp(number)
        try:
            protected = ours.protect(packet)
        except PacketReuseError:
            assert attempt(theirs.protect, packet) is None
        else:
            assert protected == attempt(theirs.protect, packet)


@given(
    profile=profiles,
    first=st.integers(0, (1 << 15) - 1),
    gaps=st.lists(st.sampled_from([1, 1, 1, 1, 2, 3, 30, 1000, 20_000]), min_size=1, max_size=40),
    data=st.data(),
)
@examples(60)
def test_receivers_take_and_refuse_the_same_packets(
    profile: ProtectionProfile, first: int, gaps: list[int], data: st.DataObject
) -> None:
    """Any order after the first packet, with duplicates."""
    key = master_key(profile)
    sender = SrtpSender(profile, key)
    number = first
    packets = [sender.protect(rtp(first))]
    for gap in gaps:
        number += gap
        packets.append(sender.protect(rtp(number)))
    places = st.lists(st.integers(0, len(packets) - 1), max_size=80)
    order = [0, *data.draw(places)]
    ours, theirs = SrtpReceiver(profile, key), libsrtp.receiver(profile, key)

    for place in order:
        try:
            unprotected: bytes | None = ours.unprotect(packets[place])
        except (ReplayError, AuthenticationError):
            unprotected = None
        assert unprotected == attempt(theirs.unprotect, packets[place])


@given(
    profile=profiles,
    packet=st.binary(max_size=80)
    | st.binary(max_size=80).map(lambda data: rtp(7, extension=(0xBEDE, bytes(4))) + data),
    rtcp=st.booleans(),
)
def test_what_libsrtp_refuses_is_refused_here(profile: ProtectionProfile, packet: bytes, rtcp: bool) -> None:
    key = master_key(profile)
    theirs: Session = libsrtp.receiver(profile, key)
    ours = SrtpReceiver(profile, key)

    with pytest.raises(UnprotectError):
        ours.unprotect_rtcp(packet) if rtcp else ours.unprotect(packet)
    assert attempt(theirs.unprotect_rtcp if rtcp else theirs.unprotect, packet) is None


@given(
    profile=profiles,
    first=st.integers(0x80, 0xBF),
    words=st.integers(0, 3) | st.just(0xFFFF),
    rest=st.binary(max_size=40),
    step=st.sampled_from([1, 2, 0]),
)
def test_the_short_way_of_common_packets_is_the_way_of_all(
    profile: ProtectionProfile, first: int, words: int, rest: bytes, step: int
) -> None:
    """What `protect` and `unprotect` do at once for the next packet, against what they do for any packet."""
    key = master_key(profile)
    packet = bytes([first]) + rtp(10 + step)[1:12] + b"\xbe\xde" + words.to_bytes(2) + rest
    outcomes: list[tuple[object, ...]] = []
    for common in (True, False):
        sender, receiver = SrtpSender(profile, key), SrtpReceiver(profile, key)
        receiver.unprotect(sender.protect(rtp(10)))
        if not common:
            for source in (*sender._sources.values(), *receiver._sources.values()):
                source.expected = -1
        try:
            protected = sender.protect(packet)
        except (ParseError, PacketReuseError) as error:
            outcomes.append((type(error), sender.roll_over_counter(0x1234_5678)))
        else:
            assert receiver.unprotect(protected) == packet
            outcomes.append((protected, receiver._sources[0x1234_5678].expected, sender._sources[0x1234_5678].expected))

    assert outcomes[0] == outcomes[1]
