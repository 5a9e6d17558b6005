"""OpenSSL in memory (pyOpenSSL), with the verbs of our machines as far as a handshake without loss needs them."""

from cryptography import x509
from OpenSSL import SSL
from tests.dtls.conformance.keys import Identity
from tests.dtls.conformance.wire import parse_records

_OP_NO_QUERY_MTU = 0x1000
SRTP_PROFILES = b"SRTP_AES128_CM_SHA1_80:SRTP_AEAD_AES_128_GCM:SRTP_AEAD_AES_256_GCM"


class OpenSslPeer:
    """One end of a DTLS 1.2 association, both roles; call `start()` on a client."""

    def __init__(
        self,
        *,
        is_client: bool,
        who: Identity,
        mtu: int = 1200,
        ciphers: bytes | None = None,
        srtp: bytes | None = SRTP_PROFILES,
        alpn: list[bytes] | None = None,
        groups: bytes | None = None,
        request_certificate: bool = True,
        cookies: bool = False,
    ) -> None:
        context = SSL.Context(SSL.DTLS_METHOD)
        context.set_options(_OP_NO_QUERY_MTU)
        context.set_min_proto_version(0xFEFD)
        if request_certificate:
            context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, lambda *_: True)
        context.use_certificate(x509.load_der_x509_certificate(who.certificate))
        context.use_privatekey(who.key)
        if ciphers is not None:
            context.set_cipher_list(ciphers)
        if srtp is not None:
            context.set_tlsext_use_srtp(srtp)
        if alpn is not None and is_client:
            context.set_alpn_protos(alpn)
        elif alpn is not None:
            context.set_alpn_select_callback(lambda _, offered: next(name for name in alpn if name in offered))
        if cookies:
            context.set_cookie_generate_callback(lambda _: b"a cookie of OpenSSL")
            context.set_cookie_verify_callback(lambda _, cookie: cookie == b"a cookie of OpenSSL")
        self.connection = SSL.Connection(context, None)
        self.connection.set_ciphertext_mtu(mtu)
        if groups is not None:
            self.connection.set_groups(groups) if hasattr(self.connection, "set_groups") else None
        self._is_client = is_client
        self._mtu = mtu
        self._listening = cookies and not is_client
        if is_client:
            self.connection.set_connect_state()
        else:
            self.connection.set_accept_state()
        self.connected = False
        self.received: list[bytes] = []
        self.finished = False
        """The peer said close_notify."""
        self.failure: str | None = None

    # --- the verbs ---

    def start(self) -> None:
        """Send the ClientHello."""
        self._step()

    def receive_datagram(self, datagram: bytes, now: float) -> None:
        self.connection.bio_write(datagram)
        self._step()

    def handle_timeout(self, now: float) -> None:
        """Nothing: the link of these tests loses nothing."""

    def next_timeout(self) -> float | None:
        return None

    def datagrams_to_send(self, now: float) -> list[bytes]:
        """A memory BIO keeps no datagrams: cut what was written at record borders."""
        output = b""
        while True:
            try:
                output += self.connection.bio_read(65536)
            except SSL.WantReadError:
                break
        datagrams: list[bytes] = []
        for record in parse_records(output):
            data = record.serialize()
            if datagrams and len(datagrams[-1]) + len(data) <= self._mtu:
                datagrams[-1] += data
            else:
                datagrams.append(data)
        return datagrams

    @property
    def closed(self) -> bool:
        return self.failure is not None or self.finished

    def send(self, data: bytes) -> None:
        self.connection.send(data)

    def shutdown(self) -> None:
        """Send close_notify."""
        self.connection.shutdown()

    def _step(self) -> None:
        try:
            if self._listening:
                self.connection.DTLSv1_listen()
                self._listening = False
            if not self.connected:
                self.connection.do_handshake()
                self.connected = True
            while True:
                self.received.append(self.connection.recv(65536))
        except SSL.WantReadError:
            pass
        except SSL.ZeroReturnError:
            self.finished = True
        except SSL.Error as error:
            self.failure = str(error)
