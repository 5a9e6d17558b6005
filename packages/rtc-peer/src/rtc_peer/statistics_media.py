"""Gathering what the RTP session of a transport counted into the structure of `rtc_peer.statistics_rtp`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeAlias

from rtc_peer.media_transport import MediaTransport
from rtc_peer.statistics_rtp import (
    CodecStats,
    InboundRtpStats,
    OutboundRtpStats,
    RemoteInboundRtpStats,
    RemoteOutboundRtpStats,
)
from rtc_rtp import InboundStats, OutboundStats, ReceiveParameters, RtpCodec, SendParameters

MediaStatistics: TypeAlias = (
    CodecStats | InboundRtpStats | OutboundRtpStats | RemoteInboundRtpStats | RemoteOutboundRtpStats
)


class MediaReport:
    """What is to be told about the media of one transport.

    Args:
        transport: Identifier of its statistics.
        media: Its media.
        track_of: Returns the identifier of the track that a transceiver receives.
    """

    def __init__(self, transport: str, media: MediaTransport, track_of: Callable[[int], str]) -> None:
        self._transport = transport
        self._media = media
        self._track_of = track_of
        self._codecs: dict[str, CodecStats] = {}
        self._streams: list[MediaStatistics] = []

    def gather(self) -> list[MediaStatistics]:
        """Describe all streams, and the codecs that they use."""
        session = self._media.session
        for key, sending in self._media.senders.items():
            streams = session.sender_stats(key)
            for index, encoding in enumerate(sending.encodings):
                if encoding.rid in streams:
                    self._outbound(sending, index, streams[encoding.rid])
        for key, receiving in self._media.receivers.items():
            for arriving in session.receiver_stats(key):
                self._inbound(receiving, arriving, self._track_of(key))
        return [*self._codecs.values(), *self._streams]

    # --- streams ---

    def _outbound(self, parameters: SendParameters, index: int, stream: OutboundStats) -> None:
        name, remote = f"OUT{self._transport}-{stream.ssrc}", stream.remote
        remote_id = f"R{name}" if remote.reports_received else None
        codec_id = self._codec("O", parameters.codecs, stream.payload_type)
        encoding = parameters.encodings[index]
        self._streams.append(
            OutboundRtpStats(
                id=name,
                ssrc=stream.ssrc,
                kind=parameters.kind,
                transport_id=self._transport,
                codec_id=codec_id,
                mid=parameters.mid,
                rid=stream.rid,
                encoding_index=index,
                remote_id=remote_id,
                active=stream.active,
                packets_sent=stream.packets_sent,
                bytes_sent=stream.bytes_sent,
                header_bytes_sent=stream.header_bytes_sent,
                retransmitted_packets_sent=stream.retransmitted_packets_sent,
                retransmitted_bytes_sent=stream.retransmitted_bytes_sent,
                rtx_ssrc=stream.rtx_ssrc,
                target_bitrate=stream.target_bitrate_bps,
                frames_sent=stream.frames_sent,
                key_frames_sent=stream.key_frames_sent,
                huge_frames_sent=stream.huge_frames_sent,
                total_packet_send_delay=stream.total_packet_send_delay,
                nack_count=stream.nack_count,
                fir_count=stream.fir_count,
                pli_count=stream.pli_count,
                scalability_mode=encoding.scalability_mode,
            )
        )
        if remote_id is not None:
            self._streams.append(
                RemoteInboundRtpStats(
                    id=remote_id,
                    ssrc=stream.ssrc,
                    kind=parameters.kind,
                    transport_id=self._transport,
                    codec_id=codec_id,
                    local_id=name,
                    reported_at=remote.reported_at,
                    packets_received=remote.packets_received,
                    packets_lost=remote.packets_lost,
                    fraction_lost=remote.fraction_lost,
                    jitter=remote.jitter,
                    round_trip_time=remote.round_trip_time,
                    total_round_trip_time=remote.total_round_trip_time,
                    round_trip_time_measurements=remote.round_trip_time_measurements,
                )
            )

    def _inbound(self, parameters: ReceiveParameters, stream: InboundStats, track: str) -> None:
        name, remote = f"IN{self._transport}-{stream.ssrc}", stream.remote
        remote_id = f"R{name}" if remote.reports_sent else None
        codec_id = self._codec("I", parameters.codecs, stream.payload_type)
        can_tell = any(each.rtx_payload_type is not None for each in parameters.codecs)
        self._streams.append(
            InboundRtpStats(
                id=name,
                ssrc=stream.ssrc,
                kind=parameters.kind,
                transport_id=self._transport,
                codec_id=codec_id,
                track_identifier=track,
                mid=parameters.mid,
                rid=stream.rid,
                remote_id=remote_id,
                packets_received=stream.packets_received,
                packets_lost=stream.packets_lost,
                jitter=stream.jitter,
                last_packet_received_timestamp=stream.last_packet_received_at,
                header_bytes_received=stream.header_bytes_received,
                bytes_received=stream.bytes_received,
                packets_discarded=stream.packets_discarded,
                fec_packets_received=stream.fec_packets_received,
                fec_bytes_received=stream.fec_bytes_received,
                fec_packets_discarded=stream.fec_packets_discarded,
                retransmitted_packets_received=stream.retransmitted_packets_received if can_tell else None,
                retransmitted_bytes_received=stream.retransmitted_bytes_received if can_tell else None,
                rtx_ssrc=stream.rtx_ssrc,
                fec_ssrc=stream.fec_ssrc,
                nack_count=stream.nack_count,
                fir_count=stream.fir_count,
                pli_count=stream.pli_count,
                frames_received=stream.frames_received,
                frames_dropped=stream.frames_dropped,
                key_frames_received=stream.key_frames_received,
                frames_assembled_from_multiple_packets=stream.frames_assembled_from_multiple_packets,
                total_assembly_time=stream.total_assembly_time,
                jitter_buffer_delay=stream.jitter_buffer_delay,
                jitter_buffer_target_delay=stream.jitter_buffer_target_delay,
                jitter_buffer_minimum_delay=stream.jitter_buffer_minimum_delay,
                jitter_buffer_emitted_count=stream.jitter_buffer_emitted_count,
                concealment_events=stream.concealment_events,
                audio_level=stream.audio_level,
                estimated_playout_timestamp=stream.estimated_playout_timestamp,
            )
        )
        if remote_id is not None and remote.remote_timestamp is not None:
            self._streams.append(
                RemoteOutboundRtpStats(
                    id=remote_id,
                    ssrc=stream.ssrc,
                    kind=parameters.kind,
                    transport_id=self._transport,
                    codec_id=codec_id,
                    local_id=name,
                    reported_at=remote.reported_at,
                    packets_sent=remote.packets_sent,
                    bytes_sent=remote.bytes_sent,
                    remote_timestamp=remote.remote_timestamp,
                    reports_sent=remote.reports_sent,
                    round_trip_time=remote.round_trip_time,
                    total_round_trip_time=remote.total_round_trip_time,
                    round_trip_time_measurements=remote.round_trip_time_measurements,
                )
            )

    # --- codecs ---

    def _codec(self, direction: str, codecs: Iterable[RtpCodec], payload_type: int | None) -> str | None:
        """Describe the codec of a stream, once, and return its identifier."""
        codec = next((each for each in codecs if each.payload_type == payload_type), None)
        if codec is None:
            return None
        line = ";".join(f"{name}={value}" if value else name for name, value in codec.parameters.items())
        name = f"CO{direction}{self._transport}-{codec.payload_type}" + (f"-{line}" if line else "")
        self._codecs[name] = CodecStats(
            id=name,
            payload_type=codec.payload_type,
            transport_id=self._transport,
            mime_type=codec.mime_type,
            clock_rate=codec.clock_rate,
            channels=codec.channels if codec.mime_type.lower().startswith("audio/") else None,
            sdp_fmtp_line=line or None,
        )
        return name
