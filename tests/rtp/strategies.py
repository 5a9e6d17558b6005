"""What properties draw."""

from hypothesis import strategies as st

from rtc_rtp import RtpPacket

uint8 = st.integers(0, 0xFF)
uint16 = st.integers(0, 0xFFFF)
uint32 = st.integers(0, 0xFFFF_FFFF)
uint64 = st.integers(0, (1 << 64) - 1)

one_byte_elements = st.dictionaries(st.integers(1, 14), st.binary(min_size=1, max_size=16), max_size=6)
elements = st.dictionaries(st.integers(1, 255), st.binary(max_size=30), max_size=6)

packets = st.builds(
    RtpPacket,
    st.integers(0, 127),
    uint16,
    uint32,
    uint32,
    st.binary(max_size=40),
    marker=st.booleans(),
    csrcs=st.lists(uint32, max_size=15).map(tuple),
    extensions=one_byte_elements | elements,
    padding_length=uint8,
)
