"""Mbed TLS in memory (python-mbedtls), with the verbs of our machines as far as a handshake without loss needs them."""

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from mbedtls import pk, tls, x509
from tests.dtls.conformance import keys, wire
from tests.dtls.conformance.keys import Identity

ADDRESS = b"192.0.2.1"


class MbedTlsPeer:
    """One end of an association; its buffer is a stream, so datagrams are cut at the records."""

    def __init__(self, *, is_client: bool, who: Identity, peer: Identity) -> None:
        self._is_client = is_client
        configuration = tls.DTLSConfiguration(
            certificate_chain=((x509.CRT.from_DER(who.certificate),), _key(who)),
            trust_store=tls.TrustStore([x509.CRT.from_DER(peer.certificate)]),
            validate_certificates=True,
        )
        if is_client:
            self.buffer = tls.ClientContext(configuration).wrap_buffers(None)
        else:
            self.buffer = tls.ServerContext(configuration).wrap_buffers()
            self.buffer.setcookieparam(ADDRESS)
        self.connected = False
        self._outgoing = b""

    def shake(self) -> None:
        """Go on with the handshake as far as the datagrams reach."""
        while not self.connected:
            try:
                self.buffer.do_handshake()
                self.connected = self.buffer._handshake_state.name == "HANDSHAKE_OVER"
            except tls.WantWriteError:
                self._drain()
            except tls.WantReadError:
                break
            except tls.HelloVerifyRequest:
                self._drain()
                self.buffer.shutdown()
                self.buffer.setcookieparam(ADDRESS)
        self._drain()

    def receive_datagram(self, datagram: bytes) -> None:
        self.buffer.receive_from_network(datagram)
        self.shake()

    def datagrams_to_send(self) -> list[bytes]:
        self._drain()
        records = wire.parse_records(self._outgoing) if self._outgoing else []
        self._outgoing = b""
        return [record.serialize() for record in records]

    def _drain(self) -> None:
        piece = self.buffer.peek_outgoing(65536)
        self.buffer.consume_outgoing(len(piece))
        self._outgoing += piece


def _key(who: Identity) -> pk.RSA | pk.ECC:
    der = who.key.private_bytes(Encoding.DER, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    return pk.RSA.from_buffer(der) if who.algorithm == keys.RSA_PKCS1_SHA256 else pk.ECC.from_buffer(der)
