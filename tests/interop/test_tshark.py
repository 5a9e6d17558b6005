"""What Wireshark reads in our packets: every layer, decrypted, without an expert complaint.

It does not look for SCTP within DTLS, so what it decrypts is handed to it once more, as SCTP over IP.
"""

import json
import shutil
import struct
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import IPv4Address
from pathlib import Path
from typing import Final, cast

from tests.simulation.call import Call
from tests.support.peers import require
from tests.support.rng import SeededRng

from rtc_datachannel import DataChannelConfig, DataChannelEndpoint
from rtc_dtls import ApplicationDataReceived, Certificate, DtlsConfig, DtlsConnection, Role, Version
from rtc_sctp import AssociationConfig
from rtc_stun import Address, Datagram

LINK_TYPE_IPV4: Final = 228
UDP: Final = 17
SCTP: Final = 132
CLIENT, SERVER = Address("192.0.2.1", 40_000), Address("192.0.2.2", 40_001)
ACCEPTED: Final = {
    # Wireshark says of every CLOSE, ABORT and retransmission that it is one; these are no faults.
    "Retransmitted TSN",
}


class Capture:
    """Datagrams on their way into a file that Wireshark reads."""

    def __init__(self) -> None:
        self._packets: list[tuple[float, bytes]] = []

    def add(self, now: float, datagram: Datagram) -> None:
        """Record a datagram."""
        header = struct.pack("!HHHH", datagram.local.port, datagram.remote.port, len(datagram.data) + 8, 0)
        self.add_packet(now, datagram.local.host, datagram.remote.host, UDP, header + datagram.data)

    def add_packet(self, now: float, source: str, destination: str, protocol: int, payload: bytes) -> None:
        """Record a packet of IPv4."""
        addresses = IPv4Address(source).packed, IPv4Address(destination).packed
        header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, len(payload) + 20, 0, 0, 64, protocol, 0, *addresses)
        self._packets.append((now, header + payload))

    def write(self, path: Path) -> None:
        """Write the file."""
        with path.open("wb") as file:
            file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65_535, LINK_TYPE_IPV4))
            for now, packet in self._packets:
                seconds, fraction = divmod(now, 1)
                file.write(struct.pack("<IIII", int(seconds), int(fraction * 1e6), len(packet), len(packet)) + packet)


def _dissect(path: Path, *options: str) -> list[dict[str, object]]:
    require(shutil.which("tshark"), "tshark is not installed")
    done = subprocess.run(
        ["tshark", "-r", str(path), "-T", "json", "--no-duplicate-keys", *options],
        capture_output=True,
        check=True,
        timeout=60,
    )
    packets: list[dict[str, object]] = json.loads(done.stdout)
    return [cast("dict[str, dict[str, dict[str, object]]]", packet)["_source"]["layers"] for packet in packets]


def _fields(tree: object, name: str) -> Iterator[object]:
    """The values of a field wherever it stands."""
    if isinstance(tree, dict):
        for key, value in tree.items():
            if key == name:
                yield value
            yield from _fields(value, name)
    elif isinstance(tree, list):
        for value in tree:
            yield from _fields(value, name)


def _complaints(packets: list[dict[str, object]]) -> list[object]:
    found = [message for packet in packets for message in _fields(packet, "_ws.expert.message")]
    malformed = [packet for packet in packets for _ in _fields(packet, "_ws.malformed")]
    return [message for message in found if message not in ACCEPTED] + malformed


def test_a_whole_call(tmp_path: Path) -> None:
    """ICE and the handshake of DTLS as they go over the wire."""
    capture = Capture()
    # tshark 4.0 does not know DTLS 1.3.
    call = Call(4, DtlsConfig(versions=(Version.DTLS_1_2,)))
    call.network.trace = capture.add
    call.run()
    path = tmp_path / "call.pcap"
    capture.write(path)
    packets = _dissect(path)

    assert _complaints(packets) == []
    assert {"stun", "dtls"} <= {layer for packet in packets for layer in packet}
    assert not any("data" in packet for packet in packets)


class Side:
    """DTLS and data channels of one side, key log on, checksums of SCTP written."""

    def __init__(self, name: str, role: Role, address: Address, certificates: tuple[Certificate, Certificate]) -> None:
        rng = SeededRng(name)
        own, peer = certificates
        config = DtlsConfig(
            # tshark 4.0 does not know DTLS 1.3.
            versions=(Version.DTLS_1_2,),
            certificate=own,
            remote_fingerprints=(peer.fingerprint(),),
            key_log=True,
        )
        association = replace(AssociationConfig(max_packet_size=1100), zero_checksum=False)
        self.address = address
        self.dtls = DtlsConnection(role=role, config=config, rng=rng)
        self.endpoint = DataChannelEndpoint(rng=rng, config=DataChannelConfig(association=association))

    def take(self, datagrams: list[bytes], now: float) -> None:
        """Carry datagrams up."""
        self.dtls.receive_datagrams(datagrams, now)
        packets = [event.data for event in self.dtls.events() if isinstance(event, ApplicationDataReceived)]
        self.endpoint.receive_datagrams(packets, now)
        self.endpoint.events()

    def give(self, now: float) -> list[bytes]:
        """Carry packets down."""
        packets = self.endpoint.datagrams_to_send(now)
        if packets:
            self.dtls.send_many(packets)
        return self.dtls.datagrams_to_send(now)


def _exchange(client: Side, server: Side, capture: Capture, now: float) -> float:
    while True:
        quiet = True
        for here, there in ((client, server), (server, client)):
            if datagrams := here.give(now):
                quiet = False
                there.take(datagrams, now)
            for data in datagrams:
                capture.add(now, Datagram(data, here.address, there.address))
        due = [each for each in (client.endpoint.next_timeout(), server.endpoint.next_timeout()) if each is not None]
        if quiet and (not due or min(due) > now + 1):
            return now
        now += 0.01
        for side in (client, server):
            side.dtls.handle_timeout(now)
            side.endpoint.handle_timeout(now)


def test_data_channels_decrypted(tmp_path: Path) -> None:
    """Everything inside DTLS: SCTP with its checksums, channels of every kind, messages, resets, the end."""
    certificates = [
        Certificate.generate(rng=SeededRng(name), wall_clock=datetime(2026, 1, 1, tzinfo=UTC)) for name in ("a", "b")
    ]
    client = Side("client", Role.CLIENT, CLIENT, (certificates[0], certificates[1]))
    server = Side("server", Role.SERVER, SERVER, (certificates[1], certificates[0]))
    capture = Capture()
    client.dtls.start(0.0)
    now = _exchange(client, server, capture, 0.0)
    client.endpoint.start(now, client=True)
    server.endpoint.start(now, client=False)
    channels = [
        client.endpoint.create_channel("ordered"),
        client.endpoint.create_channel("unordered", ordered=False),
        client.endpoint.create_channel("rexmit", max_retransmits=2, protocol="chat"),
        client.endpoint.create_channel("timed", ordered=False, max_packet_life_time_ms=100),
    ]
    now = _exchange(client, server, capture, now)
    for channel in channels:
        for message in ("text", "", b"binary", b"", bytes(20_000)):
            client.endpoint.send(channel, message)
    now = _exchange(client, server, capture, now)
    client.endpoint.close_channel(channels[0])
    now = _exchange(client, server, capture, now)
    client.endpoint.close(now)
    now = _exchange(client, server, capture, now)
    client.dtls.close(now)
    _exchange(client, server, capture, now)
    path, keys = tmp_path / "channels.pcap", tmp_path / "keys.txt"
    capture.write(path)
    keys.write_text("\n".join(client.dtls.key_log_lines()) + "\n")
    outside = _dissect(path, "-o", f"tls.keylog_file:{keys}", "-d", f"udp.port=={SERVER.port},dtls")
    decrypted = Capture()
    for number, packet in enumerate(outside):
        for data in _fields(packet, "data.data"):
            (source,), (destination,) = (_fields(packet, f"ip.{end}") for end in ("src", "dst"))
            decrypted.add_packet(
                number / 1000, str(source), str(destination), SCTP, bytes.fromhex(str(data).replace(":", ""))
            )
    decrypted.write(path)
    inside = _dissect(path, "-o", "sctp.checksum:crc 32c")
    records = [kind for packet in outside for kind in _fields(packet, "dtls.record.content_type")]

    assert _complaints(outside) == []
    assert len(inside) == records.count("23")
    assert _complaints(inside) == []
    assert _all(inside, "sctp.checksum.status") == {"1"}
    assert {int(kind) for kind in _all(inside, "sctp.chunk_type")} >= {0, 1, 2, 3, 10, 11, 130}
    assert {int(ppid, 0) for ppid in _all(inside, "sctp.data_payload_proto_id")} == {50, 51, 53, 56, 57}
    assert _all(inside, "rtcdc.label") == {channel.label for channel in channels}


def _all(packets: list[dict[str, object]], name: str) -> set[str]:
    found: set[str] = set()
    for packet in packets:
        for value in _fields(packet, name):
            found |= {str(each) for each in value} if isinstance(value, list) else {str(value)}
    return found
