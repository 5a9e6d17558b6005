"""Transceivers, senders and receivers: directions, codecs, header extensions, parameters, statistics."""

import asyncio
import json

import pytest

from rtc_asyncio import (
    EncodedFrameTrack,
    InvalidAccessError,
    InvalidModificationError,
    InvalidStateError,
    RTCMediaSourceStats,
    RTCOutboundRtpStreamStats,
    RTCPeerConnection,
    RTCRtpReceiver,
    RTCRtpSendParameters,
)
from rtc_peer import ExtensionEncryption, HeaderExtensionCapability, MediaOptions, PeerOptions

from .media_tracks import Pair, audio, video
from .party import negotiate

# --- transceivers ---


async def test_a_direction_is_negotiated(pair: Pair) -> None:
    transceiver = pair[0].addTransceiver("audio")
    await negotiate(*pair)
    transceiver.direction = "inactive"
    await negotiate(*pair)

    assert (transceiver.direction, transceiver.currentDirection) == ("inactive", "inactive")
    with pytest.raises(TypeError):
        transceiver.direction = "stopped"
    with pytest.raises(TypeError):
        transceiver.direction = "both"  # type: ignore[assignment]  # what is refused


async def test_codec_preferences_are_what_is_offered(pair: Pair) -> None:
    capabilities = RTCRtpReceiver.getCapabilities("video", None)
    assert capabilities is not None
    h264 = [each for each in capabilities.codecs if each.mimeType == "video/H264"][1]
    vp8 = next(each for each in capabilities.codecs if each.mimeType == "video/VP8")
    transceiver = pair[0].addTransceiver("video")
    transceiver.setCodecPreferences([h264, vp8, h264])
    await negotiate(*pair)
    parameters = transceiver.sender.getParameters()

    assert [each.mimeType for each in parameters.codecs] == ["video/H264", "video/VP8"]
    assert parameters.codecs[0].sdpFmtpLine == h264.sdpFmtpLine


async def test_codec_preferences_are_checked(pair: Pair) -> None:
    transceiver = pair[0].addTransceiver("video")
    with pytest.raises(InvalidModificationError):
        transceiver.setCodecPreferences([{"mimeType": "video/VP7", "clockRate": 90_000}])
    with pytest.raises(InvalidModificationError):
        transceiver.setCodecPreferences([{"mimeType": "video/rtx", "clockRate": 90_000}])
    transceiver.setCodecPreferences([])


async def test_header_extensions_are_chosen_by_direction(pair: Pair) -> None:
    transceiver = pair[0].addTransceiver("audio")
    assert transceiver.getNegotiatedHeaderExtensions() == []
    extensions = transceiver.getHeaderExtensionsToNegotiate()
    level = next(each for each in extensions if each.uri.endswith("ssrc-audio-level"))
    level.direction = "stopped"
    transceiver.setHeaderExtensionsToNegotiate(extensions)
    await negotiate(*pair)

    assert pair[0].localDescription is not None
    assert "ssrc-audio-level" not in pair[0].localDescription.sdp
    negotiated = {each.uri: each.direction for each in transceiver.getNegotiatedHeaderExtensions()}
    assert negotiated[level.uri] == "stopped"
    assert negotiated["urn:ietf:params:rtp-hdrext:sdes:mid"] != "stopped"
    with pytest.raises(InvalidModificationError):
        transceiver.setHeaderExtensionsToNegotiate(extensions[1:])
    for each in extensions:
        each.direction = "stopped"
    with pytest.raises(InvalidModificationError):
        transceiver.setHeaderExtensionsToNegotiate(extensions)


@pytest.mark.parametrize(("theirs", "negotiated"), [("negotiate", True), ("require", True), ("disable", False)])
async def test_header_extensions_are_encrypted_where_both_can(theirs: str, negotiated: bool) -> None:
    async with RTCPeerConnection() as left, RTCPeerConnection({"rtpHeaderEncryptionPolicy": theirs}) as right:
        transceiver = left.addTransceiver("audio")
        assert transceiver.rtpHeaderEncryptionNegotiated is False
        await negotiate(left, right)

        assert transceiver.rtpHeaderEncryptionNegotiated is negotiated
        assert right.getTransceivers()[0].rtpHeaderEncryptionNegotiated is negotiated
        with pytest.raises(InvalidModificationError):
            left.setConfiguration({"rtpHeaderEncryptionPolicy": "require"})
    assert transceiver.rtpHeaderEncryptionNegotiated is False


async def test_a_peer_that_cannot_encrypt_header_extensions_is_refused_where_it_has_to() -> None:
    async with (
        RTCPeerConnection({"rtpHeaderEncryptionPolicy": "require"}) as left,
        RTCPeerConnection({"rtpHeaderEncryptionPolicy": "disable"}) as right,
    ):
        left.addTransceiver("audio")
        with pytest.raises(InvalidAccessError, match="cryptex"):
            await negotiate(left, right)
        assert left.signalingState == "have-local-offer"


async def test_a_header_extension_that_is_encrypted_by_itself_is_shown() -> None:
    level = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
    capability = HeaderExtensionCapability(level, encryption=ExtensionEncryption.REQUIRE)
    options = PeerOptions(media=MediaOptions(audio_header_extensions=(capability,)))
    async with RTCPeerConnection(options=options) as left, RTCPeerConnection() as right:
        transceiver = left.addTransceiver(audio())
        transceiver.setHeaderExtensionsToNegotiate(transceiver.getHeaderExtensionsToNegotiate())
        await negotiate(left, right)

        (extension,) = transceiver.sender.getParameters().headerExtensions
        assert (extension.uri, extension.encrypted) == (level, True)
        assert right.getTransceivers()[0].receiver.getParameters().headerExtensions == [extension]


# --- senders and receivers ---


async def test_parameters_are_changed_by_transaction(pair: Pair) -> None:
    sender = pair[0].addTransceiver("video").sender
    with pytest.raises(InvalidStateError):
        await sender.setParameters(RTCRtpSendParameters())
    parameters = sender.getParameters()
    parameters.encodings[0].maxBitrate = 200_000
    parameters.encodings[0].maxFramerate = 10
    await sender.setParameters(parameters)

    assert sender.getParameters().encodings[0].maxBitrate == 200_000
    with pytest.raises(InvalidModificationError):
        await sender.setParameters(parameters)  # of the transaction before
    again = sender.getParameters()
    again.encodings.append(again.encodings[0])
    with pytest.raises(InvalidModificationError):
        await sender.setParameters(again)
    await asyncio.sleep(0)
    with pytest.raises(InvalidStateError):
        await sender.setParameters(again)


async def test_what_must_stay_is_compared_with_what_was_handed_out(pair: Pair) -> None:
    sender = pair[0].addTrack(video())
    await negotiate(*pair)

    for spoil in ("codecs", "headerExtensions"):
        parameters = sender.getParameters()
        getattr(parameters, spoil).pop()
        with pytest.raises(InvalidModificationError):
            await sender.setParameters(parameters)
    parameters = sender.getParameters()
    parameters.rtcp.reducedSize = not parameters.rtcp.reducedSize
    with pytest.raises(InvalidModificationError):
        await sender.setParameters(parameters)


async def test_what_suffers_from_few_bits_is_chosen(pair: Pair) -> None:
    sender = pair[0].addTransceiver("video").sender
    parameters = sender.getParameters()
    assert parameters.degradationPreference is None
    parameters.degradationPreference = "maintain-resolution"
    await sender.setParameters(parameters)

    assert sender.getParameters().degradationPreference == "maintain-resolution"
    assert sender.pump.degradation_preference == "maintain-resolution"


async def test_parameters_of_a_stopped_transceiver_stay(pair: Pair) -> None:
    transceiver = pair[0].addTransceiver("video")
    parameters = transceiver.sender.getParameters()
    transceiver.stop()

    with pytest.raises(InvalidStateError):
        await transceiver.sender.setParameters(parameters)


async def test_who_is_asked_for_a_key_frame_may_use_the_connection(pair: Pair) -> None:
    failures: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: failures.append(context))
    asked: list[int] = []

    def ask() -> None:
        asked.append(1)
        pair[0].addTransceiver("audio")

    for _ in range(2):
        pair[0].addTrack(EncodedFrameTrack("video", on_key_frame_request=ask))
    await negotiate(*pair)
    async with asyncio.timeout(30):
        await pair[0].wait_for("connected")
        while len(asked) < 2:
            await asyncio.sleep(0.001)

    assert not failures


async def test_a_codec_is_chosen_for_an_encoding(pair: Pair) -> None:
    sender = pair[0].addTrack(video())
    await negotiate(*pair)
    await pair[0].wait_for("connected")
    parameters = sender.getParameters()
    chosen = next(each for each in parameters.codecs if each.mimeType == "video/VP9")
    parameters.encodings[0].codec = chosen
    await sender.setParameters(parameters)

    assert sender.parameters is not None
    assert sender.parameters.encodings[0].payload_type == chosen.payloadType
    assert sender.getParameters().encodings[0].codec == chosen


async def test_a_track_is_replaced_by_one_of_its_kind(pair: Pair) -> None:
    first, second = video(), video()
    sender = pair[0].addTrack(first)
    await sender.replaceTrack(second)
    assert sender.track is second
    await sender.replaceTrack(None)
    assert sender.track is None
    with pytest.raises(TypeError):
        await sender.replaceTrack(audio())


async def test_a_jitter_buffer_target_has_limits(pair: Pair) -> None:
    receiver = pair[0].addTransceiver("audio").receiver
    assert receiver.jitterBufferTarget is None
    receiver.jitterBufferTarget = 250
    assert receiver.jitterBufferTarget == 250
    for wrong in (-1, 4001):
        with pytest.raises(ValueError, match="4000"):
            receiver.jitterBufferTarget = wrong
    receiver.jitterBufferTarget = None
    assert receiver.jitterBufferTarget is None


async def test_senders_and_receivers_share_the_transport_of_their_bundle(pair: Pair) -> None:
    senders = [pair[0].addTrack(video()), pair[0].addTrack(audio())]
    await negotiate(*pair)
    transports = {each.transport for each in senders} | {each.transport for each in pair[0].getReceivers()}

    assert len(transports) == 1
    assert None not in transports
    await pair[0].close()
    assert {each.transport for each in senders} == transports


async def test_statistics_are_selected_by_track(pair: Pair) -> None:
    tracks = [video(), audio()]
    senders = [pair[0].addTrack(track) for track in tracks]
    await negotiate(*pair)
    await pair[0].wait_for("connected")
    whole, part, same = await pair[0].getStats(), await pair[0].getStats(tracks[0]), await senders[0].getStats()

    assert {each.kind for each in whole.values() if isinstance(each, RTCOutboundRtpStreamStats)} == {"audio", "video"}
    assert [each.kind for each in part.values() if isinstance(each, RTCOutboundRtpStreamStats)] == ["video"]
    assert [each.trackIdentifier for each in part.values() if isinstance(each, RTCMediaSourceStats)] == [tracks[0].id]
    assert set(part) == set(same)
    assert "transport" in {each.type for each in part.values()}
    json.dumps([each.toJSON() for each in whole.values()])
    with pytest.raises(InvalidAccessError):
        await pair[0].getStats(video())


async def test_statistics_outlive_the_connection(pair: Pair) -> None:
    sender = pair[0].addTrack(video())
    await negotiate(*pair)
    await pair[0].wait_for("connected")
    before = {each.type for each in (await pair[0].getStats()).values()}
    await pair[0].close()
    after = await pair[0].getStats()

    assert {each.type for each in after.values()} == before
    assert after.transport is not None
    assert (after.transport.dtlsState, after.transport.iceState) == ("closed", "closed")
    assert after.transport.bytesReceived > 0
    assert "outbound-rtp" in {each.type for each in (await sender.getStats()).values()}
