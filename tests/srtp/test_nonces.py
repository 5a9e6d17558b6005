"""Whatever a sender is asked for, and in whatever order, no nonce comes twice under a key, unless for the same packet."""

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.srtp.packets import master_key, receiver_report, rtp

import rtc_srtp.gcm
from rtc_srtp import MasterKey, ProtectionProfile, SrtpConfig, SrtpSender, StateError

PROFILE = ProtectionProfile.AEAD_AES_128_GCM
SSRCS = (0, 1, 0xFFFF_FFFF)

sequence_numbers = st.integers(0, 20) | st.integers(0xFFF0, 0xFFFF) | st.integers(0, 0xFFFF)
ssrcs = st.sampled_from(SSRCS)
steps = st.one_of(
    st.tuples(st.just("rtp"), ssrcs, sequence_numbers),
    st.tuples(st.just("rtp"), ssrcs, sequence_numbers),
    st.tuples(st.just("rtp"), ssrcs, sequence_numbers),
    st.tuples(st.just("rtcp"), ssrcs, st.just(0)),
    st.tuples(st.just("counter"), ssrcs, st.integers(0, 3) | st.just((1 << 32) - 1)),
    st.tuples(st.just("index"), ssrcs, st.integers(0, 5) | st.integers((1 << 31) - 3, (1 << 31) - 1)),
    st.tuples(st.just("key"), ssrcs, st.integers(0, 9)),
    st.tuples(st.just("headers"), ssrcs, st.integers(0, 2)),
)


class Recorder:
    """What an AEAD was asked to seal, by key and nonce."""

    sealed: dict[tuple[bytes, bytes], tuple[bytes, bytes]]

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._aead = AESGCM(key)
        self.decrypt = self._aead.decrypt

    def encrypt(self, nonce: bytes, data: bytes, associated: bytes) -> bytes:
        """Seal, and remember it."""
        asked = data, associated
        assert self.sealed.setdefault((self._key, nonce), asked) == asked, "a nonce comes twice"
        return self._aead.encrypt(nonce, data, associated)


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> type[Recorder]:
    monkeypatch.setattr(rtc_srtp.gcm, "AESGCM", Recorder)
    return Recorder


@pytest.mark.spec("rfc3711:9.1/1", "rfc3711:4.1.1/5", "rfc7714:8.4/2", "rfc3711:9.2/7")
@given(
    asked=st.lists(steps, max_size=40),
    repeats=st.booleans(),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_nonce_comes_twice(recorder: type[Recorder], asked: list[tuple[str, int, int]], repeats: bool) -> None:
    recorder.sealed = {}
    sender = SrtpSender(
        PROFILE, master_key(PROFILE, b"0", first=0), config=SrtpConfig(mki_length=1, allow_repeats=repeats)
    )
    for count, (what, ssrc, number) in enumerate(asked):
        try:
            _ask(sender, what, ssrc, number, b"%d" % (number if repeats else count))
        except StateError:
            continue


def _ask(sender: SrtpSender, what: str, ssrc: int, number: int, payload: bytes) -> None:
    match what:
        case "rtp":
            sender.protect(rtp(number, ssrc=ssrc, payload=payload, extension=(0xBEDE, bytes.fromhex("10aa0000"))))
        case "rtcp":
            sender.protect_rtcp(receiver_report(ssrc))
        case "counter":
            sender.set_roll_over_counter(ssrc, number)
        case "index":
            sender.set_srtcp_index(ssrc, number)
        case "key":
            key = master_key(PROFILE, first=number)
            sender.use_master_key(MasterKey(key=key.key, salt=key.salt, mki=b"%d" % number))
        case _:
            sender.encrypt_headers(frozenset({1} if number == 1 else ()), cryptex=number == 2)
