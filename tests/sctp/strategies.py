"""Hypothesis strategies for everything that the codecs write."""

from hypothesis import strategies as st

from rtc_sctp import (
    AbortChunk,
    AddIncomingStreams,
    AddOutgoingStreams,
    Cause,
    Chunk,
    CookieAckChunk,
    CookieContents,
    CookieEchoChunk,
    CookiePreservative,
    CookieReceivedWhileShuttingDown,
    DataChunk,
    ErrorChunk,
    ForwardTsnChunk,
    ForwardTsnSupported,
    HeartbeatAckChunk,
    HeartbeatChunk,
    HeartbeatInfo,
    HostNameAddress,
    IDataChunk,
    IForwardTsnChunk,
    IncomingSsnResetRequest,
    InitAckChunk,
    InitChunk,
    InvalidMandatoryParameter,
    InvalidStreamIdentifier,
    Ipv4Address,
    Ipv6Address,
    MissingMandatoryParameter,
    NoUserData,
    OutgoingSsnResetRequest,
    OutOfResource,
    PadChunk,
    Parameter,
    ProtocolViolation,
    ReconfigChunk,
    ReconfigurationResponse,
    RestartWithNewAddresses,
    SackChunk,
    ShutdownAckChunk,
    ShutdownChunk,
    ShutdownCompleteChunk,
    SsnTsnResetRequest,
    StaleCookie,
    StateCookie,
    SupportedAddressTypes,
    SupportedExtensions,
    UnknownCause,
    UnknownChunk,
    UnknownParameter,
    UnrecognizedChunkType,
    UnrecognizedParameter,
    UnrecognizedParameters,
    UnresolvableAddress,
    UserInitiatedAbort,
    ZeroChecksumAcceptable,
)
from rtc_sctp.causes import CAUSES
from rtc_sctp.chunks import CHUNKS
from rtc_sctp.parameters import PARAMETERS

uint8 = st.integers(0, 0xFF)
uint16 = st.integers(0, 0xFFFF)
uint32 = st.integers(0, 0xFFFF_FFFF)
blobs = st.binary(max_size=40)
payloads = st.binary(min_size=1, max_size=40)
streams = st.lists(uint16, max_size=6).map(tuple)

known_parameters: st.SearchStrategy[Parameter] = st.one_of(
    st.builds(HeartbeatInfo, blobs),
    st.builds(Ipv4Address, st.binary(min_size=4, max_size=4)),
    st.builds(Ipv6Address, st.binary(min_size=16, max_size=16)),
    st.builds(StateCookie, blobs),
    st.builds(UnrecognizedParameter, blobs),
    st.builds(CookiePreservative, uint32),
    st.builds(HostNameAddress, blobs),
    st.builds(SupportedAddressTypes, streams),
    st.builds(ZeroChecksumAcceptable, uint32),
    st.builds(SupportedExtensions, st.lists(uint8, max_size=9).map(tuple)),
    st.builds(ForwardTsnSupported),
    st.builds(OutgoingSsnResetRequest, uint32, uint32, uint32, streams),
    st.builds(IncomingSsnResetRequest, uint32, streams),
    st.builds(SsnTsnResetRequest, uint32),
    st.builds(ReconfigurationResponse, uint32, uint32, st.none() | st.tuples(uint32, uint32)),
    st.builds(AddOutgoingStreams, uint32, uint16),
    st.builds(AddIncomingStreams, uint32, uint16),
)
unknown_parameters = st.builds(UnknownParameter, uint16.filter(lambda type_: type_ not in PARAMETERS), blobs)
parameters: st.SearchStrategy[Parameter] = known_parameters | unknown_parameters
readable_parameters = st.lists(
    known_parameters | unknown_parameters.filter(lambda parameter: parameter.skip), max_size=5
).map(tuple)
"""Lists that a receiver reads to their end."""

causes: st.SearchStrategy[Cause] = st.one_of(
    st.builds(InvalidStreamIdentifier, uint16),
    st.builds(MissingMandatoryParameter, streams),
    st.builds(StaleCookie, uint32),
    st.builds(OutOfResource),
    st.builds(UnresolvableAddress, blobs),
    st.builds(UnrecognizedChunkType, blobs),
    st.builds(InvalidMandatoryParameter),
    st.builds(UnrecognizedParameters, blobs),
    st.builds(NoUserData, uint32),
    st.builds(CookieReceivedWhileShuttingDown),
    st.builds(RestartWithNewAddresses, blobs),
    st.builds(UserInitiatedAbort, blobs),
    st.builds(ProtocolViolation, blobs),
    st.builds(UnknownCause, uint16.filter(lambda code: code not in CAUSES), blobs),
)

gaps = st.lists(
    st.tuples(st.integers(1, 0xFFFF), uint16).map(lambda pair: (min(pair[0], max(pair)), max(pair))), max_size=5
)

chunks: st.SearchStrategy[Chunk] = st.one_of(
    st.builds(DataChunk, uint32, uint16, uint16, uint32, payloads, st.integers(0, 15)),
    st.builds(IDataChunk, uint32, uint16, uint32, uint32, payloads, st.integers(0, 15)),
    st.builds(InitChunk, uint32, uint32, uint16, uint16, uint32, readable_parameters),
    st.builds(InitAckChunk, uint32, uint32, uint16, uint16, uint32, readable_parameters),
    st.builds(SackChunk, uint32, uint32, gaps.map(tuple), st.lists(uint32, max_size=4).map(tuple)),
    st.builds(HeartbeatChunk, blobs),
    st.builds(HeartbeatAckChunk, blobs),
    st.builds(AbortChunk, st.lists(causes, max_size=3).map(tuple), st.integers(0, 1)),
    st.builds(ErrorChunk, st.lists(causes, min_size=1, max_size=3).map(tuple)),
    st.builds(ShutdownChunk, uint32),
    st.builds(ShutdownAckChunk),
    st.builds(ShutdownCompleteChunk, st.integers(0, 1)),
    st.builds(CookieEchoChunk, blobs),
    st.builds(CookieAckChunk),
    st.builds(ForwardTsnChunk, uint32, st.lists(st.tuples(uint16, uint16), max_size=4).map(tuple)),
    st.builds(IForwardTsnChunk, uint32, st.lists(st.tuples(uint16, st.booleans(), uint32), max_size=4).map(tuple)),
    st.builds(ReconfigChunk, st.lists(known_parameters, min_size=1, max_size=3).map(tuple)),
    st.builds(PadChunk, st.integers(4, 60)),
    st.builds(UnknownChunk, uint8.filter(lambda type_: type_ not in CHUNKS), uint8, blobs),
)

cookie_contents = st.builds(
    CookieContents,
    source_port=uint16,
    destination_port=uint16,
    local_tag=uint32,
    peer_tag=uint32,
    local_initial_tsn=uint32,
    peer_initial_tsn=uint32,
    peer_a_rwnd=uint32,
    outbound_streams=uint16,
    inbound_streams=uint16,
    local_tie_tag=uint32,
    peer_tie_tag=uint32,
    peer_forward_tsn=st.booleans(),
    peer_zero_checksum=st.booleans(),
    peer_extensions=st.lists(uint8, max_size=6).map(tuple),
)
