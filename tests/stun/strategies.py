"""Hypothesis strategies for addresses, attributes and messages."""

from hypothesis import strategies as st

from rtc_stun import (
    ICE_ATTRIBUTES,
    Address,
    AlternateDomain,
    AlternateServer,
    Attribute,
    ErrorCode,
    GoogNetworkInfo,
    GoogNomination,
    IceControlled,
    IceControlling,
    MappedAddress,
    Message,
    MessageClass,
    Nonce,
    PasswordAlgorithm,
    PasswordAlgorithms,
    Priority,
    Realm,
    Software,
    UnknownAttribute,
    UnknownAttributes,
    UseCandidate,
    UserHash,
    Username,
    XorMappedAddress,
    unpack_host,
)

uint16 = st.integers(0, 0xFFFF)
uint32 = st.integers(0, 0xFFFF_FFFF)
uint64 = st.integers(0, 0xFFFF_FFFF_FFFF_FFFF)
printable = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1, max_size=40)
any_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
addresses = st.builds(
    Address,
    st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)).map(lambda ip: unpack_host(ip.packed)),
    uint16,
)
algorithms = st.builds(PasswordAlgorithm, uint16, st.binary(max_size=9))
unknown = st.builds(
    UnknownAttribute, uint16.filter(lambda attribute_type: attribute_type not in ICE_ATTRIBUTES), st.binary(max_size=20)
)

attributes: st.SearchStrategy[Attribute] = st.one_of(
    st.builds(MappedAddress, addresses),
    st.builds(XorMappedAddress, addresses),
    st.builds(AlternateServer, addresses),
    st.builds(Username, printable),
    st.builds(Realm, printable),
    st.builds(Software, any_text),
    st.builds(AlternateDomain, st.sampled_from(["example.org", "xn--mnchen-3ya.example", "a", "a.b."])),
    st.builds(Nonce, st.binary(max_size=100)),
    st.builds(UserHash, st.binary(min_size=32, max_size=32)),
    st.builds(ErrorCode, st.integers(300, 699), any_text),
    st.builds(UnknownAttributes, st.lists(uint16, max_size=9).map(tuple)),
    algorithms,
    st.builds(PasswordAlgorithms, st.lists(algorithms, max_size=4).map(tuple)),
    st.builds(Priority, uint32),
    st.builds(UseCandidate),
    st.builds(IceControlled, uint64),
    st.builds(IceControlling, uint64),
    st.builds(GoogNomination, uint32),
    st.builds(GoogNetworkInfo, uint16, uint16),
    unknown,
)


@st.composite
def messages(draw: st.DrawFn) -> Message:
    """Any message that may be sent, without integrity and fingerprint."""
    return Message(
        draw(st.integers(0, 0xFFF)),
        draw(st.sampled_from(MessageClass)),
        draw(st.binary(min_size=12, max_size=12)),
        draw(st.lists(attributes, max_size=6)),
    )
