"""The DTLS 1.3 client from the ServerHello on.

    Client                                     Server

                             ◄───────────────  ServerHello
                             ◄═══════════════  {EncryptedExtensions}  ── _on_encrypted_extensions
                             ◄═══════════════  {CertificateRequest*}  ── _on_certificate_request
                             ◄═══════════════  {Certificate}          ── _on_certificate
                             ◄═══════════════  {CertificateVerify}    ── _on_certificate_verify
                             ◄═══════════════  {Finished}             ── _on_finished
    {Certificate*}           ═══════════════►
    {CertificateVerify*}     ═══════════════►
    {Finished}               ═══════════════►
                             ◄═══════════════  [ACK]

    {} epoch 2, [] epoch 3

Each state is a class that holds what is known by then. See :rfc:`8446#section-2`, :rfc:`8446#appendix-A.1` and
:rfc:`9147#section-5.7`.
"""

from collections.abc import Sequence

from .alert import AlertDescription
from .certificate_messages import CertificateVerify
from .certificate_messages13 import CertificateMessage13, CertificateRequest13, signed_content
from .cipher_suite13 import CipherSuite13
from .client_hello import ClientHello
from .connection_id import find_connection_id
from .context import HandshakeContext, unexpected
from .dataclass import dataclass
from .encrypted_extensions import EncryptedExtensions
from .engine import Outcome
from .errors import ProtocolError
from .extensions import ExtensionType
from .extensions13 import check_answers
from .finished13 import Finished13, check_finished
from .handshake import HandshakeMessage, HandshakeType
from .handshake_layer import HANDSHAKE_EPOCH, MessageBody
from .key_schedule13 import ApplicationSecrets, HandshakeSecrets
from .key_share import KeyPair, parse_server_share
from .peer_certificate import PeerKey
from .post_handshake import PostHandshake
from .server_hello import ServerHello
from .session import Session
from .shared_extensions import SharedChoices, accept_shared_extensions
from .transcript import Transcript
from .version import Version


@dataclass(frozen=True, slots=True, kw_only=True)
class AwaitEncryptedExtensions:
    """The hellos are exchanged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AwaitCertificateRequest:
    """The server may now ask for our certificate, or show its own."""

    shared: SharedChoices


@dataclass(frozen=True, slots=True, kw_only=True)
class AwaitCertificate:
    """The server asked for our certificate."""

    shared: SharedChoices
    request: CertificateRequest13


@dataclass(frozen=True, slots=True, kw_only=True)
class AwaitCertificateVerify:
    """The server showed its certificate, and has to prove that it is its own."""

    shared: SharedChoices
    request: CertificateRequest13 | None
    server_key: PeerKey


@dataclass(frozen=True, slots=True, kw_only=True)
class AwaitFinished:
    """Everything but the confirmation is there."""

    shared: SharedChoices
    request: CertificateRequest13 | None
    peer_signature_algorithm: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Established:
    """Both sides are finished, although the server may not know it yet."""

    session: Session
    application: ApplicationSecrets


State = (
    AwaitEncryptedExtensions
    | AwaitCertificateRequest
    | AwaitCertificate
    | AwaitCertificateVerify
    | AwaitFinished
    | Established
)


class Client13:
    """One handshake, from the client's side."""

    __slots__ = ("_context", "_group", "_handshake", "_hello", "_state", "_suite", "_transcript")

    def __init__(
        self,
        context: HandshakeContext,
        transcript: Transcript,
        hello: ClientHello,
        key_pairs: Sequence[KeyPair],
        server_hello: ServerHello,
        suite: CipherSuite13,
    ) -> None:
        """Accept the server's choices; the transcript ends with its hello, the key pairs are those of our last one.

        Raises:
            ParseError: An extension is malformed.
            ProtocolError: The server chose what was not offered.
        """
        self._context = context
        self._transcript = transcript
        self._hello = hello
        self._suite = suite
        check_answers(server_hello.extensions, "server_hello", hello.extensions)
        self._group, secret = _exchange(key_pairs, server_hello)
        context.version = Version.DTLS_1_3
        context.agree_on_connection_ids(find_connection_id(server_hello.extensions))
        self._handshake = HandshakeSecrets.derive(self._suite, secret, self._digest())
        context.log_secret("CLIENT_HANDSHAKE_TRAFFIC_SECRET", hello.random, self._handshake.client.secret)
        context.log_secret("SERVER_HANDSHAKE_TRAFFIC_SECRET", hello.random, self._handshake.server.secret)
        # [rfc9147:6.1/2]
        context.install_sealer(self._handshake.client, HANDSHAKE_EPOCH)
        context.install_opener(self._handshake.server, HANDSHAKE_EPOCH)
        context.layer.use_acks()
        context.layer.require_epoch(HANDSHAKE_EPOCH)
        # [rfc9147:7/4]
        context.layer.answered()
        self._state: State = AwaitEncryptedExtensions()

    @property
    def outcome(self) -> Outcome | None:
        """What was agreed on, what keys can be exported from, and what goes on, once there is any."""
        state = self._state
        if not isinstance(state, Established):
            return None
        keys = state.application
        successor = PostHandshake(self._context, ours=keys.client, theirs=keys.server)
        return Outcome(session=state.session, exporter=keys.exporter, successor=successor)

    def receive(self, message: HandshakeMessage) -> None:
        """Take the next message of the server.

        Raises:
            ParseError: The message is malformed.
            ProtocolError: It breaks a rule.
        """
        state = self._state
        match (state, message.message_type):
            # [rfc8446:4/1] [rfc8446:4.3.1/1]
            case (AwaitEncryptedExtensions(), HandshakeType.ENCRYPTED_EXTENSIONS):
                self._state = self._on_encrypted_extensions(EncryptedExtensions.parse(message.body))
            case (AwaitCertificateRequest(), HandshakeType.CERTIFICATE_REQUEST):
                self._state = self._on_certificate_request(state, CertificateRequest13.parse(message.body))
            case (AwaitCertificateRequest() | AwaitCertificate(), HandshakeType.CERTIFICATE):
                self._state = self._on_certificate(state, CertificateMessage13.parse(message.body))
            case (AwaitCertificateVerify(), HandshakeType.CERTIFICATE_VERIFY):
                self._state = self._on_certificate_verify(state, CertificateVerify.parse(message.body))
            case (AwaitFinished(), HandshakeType.FINISHED):
                check_finished(message.body, self._handshake.server, self._digest())
                self._transcript.add(message.without_dtls_fields())
                self._state = self._on_finished(state)
                return
            case _:
                raise unexpected(message, state)
        self._transcript.add(message.without_dtls_fields())

    def _on_encrypted_extensions(self, message: EncryptedExtensions) -> AwaitCertificateRequest:
        # [rfc8446:4.3.1/2] [rfc8446:4.2/1] [rfc8446:4.2/2]
        check_answers(message.extensions, "encrypted_extensions", self._hello.extensions)
        shared = accept_shared_extensions(self._context.config, message.extensions)
        self._context.limit_records(shared.record_size_limit)
        return AwaitCertificateRequest(shared=shared)

    def _on_certificate_request(
        self, state: AwaitCertificateRequest, message: CertificateRequest13
    ) -> AwaitCertificate:
        # [rfc8446:4.3.2/3]
        if message.context:
            raise ProtocolError(
                AlertDescription.ILLEGAL_PARAMETER,
                "a request for a certificate has a context during the handshake",
                "RFC 8446 section 4.3.2",
            )
        return AwaitCertificate(shared=state.shared, request=message)

    def _on_certificate(
        self, state: AwaitCertificateRequest | AwaitCertificate, message: CertificateMessage13
    ) -> AwaitCertificateVerify:
        if message.context:
            raise ProtocolError(
                AlertDescription.ILLEGAL_PARAMETER, "the server's certificate has a context", "RFC 8446 section 4.4.2"
            )
        # [rfc8446:4.4.2/5]
        if not message.chain:
            raise ProtocolError(
                AlertDescription.DECODE_ERROR, "the server has no certificate", "RFC 8446 section 4.4.2.4"
            )
        server_key = PeerKey(message.chain[0])
        self._context.present_certificate(message.chain)
        request = state.request if isinstance(state, AwaitCertificate) else None
        return AwaitCertificateVerify(shared=state.shared, request=request, server_key=server_key)

    def _on_certificate_verify(self, state: AwaitCertificateVerify, message: CertificateVerify) -> AwaitFinished:
        content = signed_content(by_client=False, transcript_hash=self._digest())
        # [rfc8446:4.4.3/4]
        state.server_key.verify_13(message.signature_algorithm, message.signature, content)
        return AwaitFinished(
            shared=state.shared, request=state.request, peer_signature_algorithm=message.signature_algorithm
        )

    def _on_finished(self, state: AwaitFinished) -> Established:
        """Send our whole flight; the transcript ends with the server's Finished."""
        context = self._context
        application = self._handshake.application(self._digest())
        random = self._hello.random
        context.log_secret("CLIENT_TRAFFIC_SECRET_0", random, application.client.secret)
        context.log_secret("SERVER_TRAFFIC_SECRET_0", random, application.server.secret)
        context.log_secret("EXPORTER_SECRET", random, application.exporter.secret)
        if state.request is not None:
            self._show_certificate(state.request)
        self._send(Finished13(verify_data=self._handshake.client.verify_data(self._digest())))
        context.layer.send_flight(awaits_ack=True)
        context.install_sealer(application.client, HANDSHAKE_EPOCH + 1)
        context.install_opener(application.server, HANDSHAKE_EPOCH + 1)
        session = Session(
            version=Version.DTLS_1_3,
            cipher_suite=self._suite.id,
            record_overhead=context.records.overhead(HANDSHAKE_EPOCH + 1),
            group=self._group,
            peer_signature_algorithm=state.peer_signature_algorithm,
            extended_master_secret=True,
            srtp_profile=state.shared.srtp_profile,
            alpn_protocol=state.shared.alpn_protocol,
        )
        return Established(session=session, application=application)

    def _show_certificate(self, request: CertificateRequest13) -> None:
        """Send our certificate and the proof of its key; without a fitting one the list is empty."""
        certificate = self._context.config.certificate
        scheme = certificate.choose_scheme_13(request.signature_algorithms) if certificate else None
        # [rfc8446:4.4.2/1] [rfc8122:6.2/2]
        if certificate is None or scheme is None:
            self._send(CertificateMessage13(chain=()))
            return
        self._send(CertificateMessage13(chain=certificate.chain))
        # [rfc8446:4.4.3/1] [rfc8446:4.4.3/2]
        content = signed_content(by_client=True, transcript_hash=self._digest())
        self._send(CertificateVerify(signature_algorithm=scheme, signature=certificate.sign(scheme, content)))

    def _digest(self) -> bytes:
        return self._transcript.digest(self._suite.hash_name)

    def _send(self, body: MessageBody) -> None:
        self._transcript.add(self._context.layer.compose(body).without_dtls_fields())


def _exchange(key_pairs: Sequence[KeyPair], server_hello: ServerHello) -> tuple[int, bytes]:
    """Return group and shared secret. See :rfc:`8446#section-4.2.8`."""
    data = server_hello.extensions.find(ExtensionType.KEY_SHARE)
    if data is None:
        raise ProtocolError(
            AlertDescription.MISSING_EXTENSION, "the server sends no key share", "RFC 8446 section 4.1.3"
        )
    group, share = parse_server_share(data)
    for pair in key_pairs:
        if pair.group == group:
            return group, pair.exchange(share)
    # [rfc8446:4.2.8/5]
    raise ProtocolError(
        AlertDescription.ILLEGAL_PARAMETER,
        f"the server chose group {group}, of which there was no share",
        "RFC 8446 section 4.2.8",
    )
