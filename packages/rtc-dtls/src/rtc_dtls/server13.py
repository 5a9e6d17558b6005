"""The DTLS 1.3 server from the ClientHello on.

    Client                                     Server

    ClientHello              ───────────────►
                             ◄───────────────  ServerHello
                             ◄═══════════════  {EncryptedExtensions}
                             ◄═══════════════  {CertificateRequest*}
                             ◄═══════════════  {Certificate}
                             ◄═══════════════  {CertificateVerify}
                             ◄═══════════════  {Finished}
    {Certificate*}           ═══════════════►                        ── _on_certificate
    {CertificateVerify*}     ═══════════════►                        ── _on_certificate_verify
    {Finished}               ═══════════════►                        ── _on_finished
                             ◄═══════════════  [ACK]

    {} epoch 2, [] epoch 3

Each state is a class that holds what is known by then. See :rfc:`8446#section-2`, :rfc:`8446#appendix-A.2` and
:rfc:`9147#section-5.7`.
"""

from dataclasses import field

from .alert import AlertDescription
from .certificate import Certificate
from .certificate_messages import CertificateVerify
from .certificate_messages13 import CertificateMessage13, CertificateRequest13, signed_content
from .client_hello import ClientHello
from .context import HandshakeContext, answer_connection_id, unexpected
from .dataclass import dataclass
from .encrypted_extensions import EncryptedExtensions
from .engine import Outcome
from .errors import ProtocolError
from .extensions import Extensions, ExtensionType
from .finished13 import Finished13, check_finished
from .handshake import HandshakeMessage, HandshakeType
from .handshake_layer import HANDSHAKE_EPOCH, MessageBody
from .key_schedule13 import ApplicationSecrets, HandshakeSecrets
from .key_share import answer_share, encode_server_share
from .peer_certificate import PeerKey
from .post_handshake import PostHandshake
from .server_choice13 import Choice, choose_signature_scheme
from .server_hello import ServerHello
from .session import Session
from .shared_extensions import SharedChoices, answer_shared_extensions
from .signature import SIGNATURE_SCHEMES_13
from .transcript import Transcript
from .version import Version


@dataclass(frozen=True, slots=True, kw_only=True)
class AwaitCertificate:
    """Our flight is out, and we asked for a certificate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AwaitCertificateVerify:
    """The client showed a certificate, and has to prove that it is its own."""

    client_key: PeerKey


@dataclass(frozen=True, slots=True, kw_only=True)
class AwaitFinished:
    """Everything but the confirmation is there."""

    peer_signature_algorithm: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Established:
    """Both sides are finished."""

    session: Session


State = AwaitCertificate | AwaitCertificateVerify | AwaitFinished | Established


@dataclass(frozen=True, slots=True, kw_only=True)
class _Agreed:
    """What our flight settles."""

    choice: Choice
    shared: SharedChoices
    handshake: HandshakeSecrets = field(repr=False)
    application: ApplicationSecrets = field(repr=False)


class Server13:
    """One handshake, from the server's side."""

    __slots__ = ("_agreed", "_context", "_state", "_transcript")

    def __init__(
        self, context: HandshakeContext, transcript: Transcript, hello: ClientHello, choice: Choice, share: bytes
    ) -> None:
        """Send our flight; the transcript ends with the client's hello, ``share`` is that of the group we chose.

        Raises:
            ParseError: An extension is malformed.
            ProtocolError: There is nothing that both sides speak.
        """
        self._context = context
        self._transcript = transcript
        context.version = Version.DTLS_1_3
        context.layer.use_acks()
        self._agreed = self._answer(hello, choice, share)
        wants_certificate = context.config.require_client_certificate
        self._state: State = AwaitCertificate() if wants_certificate else AwaitFinished(peer_signature_algorithm=None)

    @property
    def outcome(self) -> Outcome | None:
        """What was agreed on, what keys can be exported from, and what goes on, once there is any."""
        state = self._state
        if not isinstance(state, Established):
            return None
        keys = self._agreed.application
        successor = PostHandshake(self._context, ours=keys.server, theirs=keys.client)
        return Outcome(session=state.session, exporter=keys.exporter, successor=successor)

    def receive(self, message: HandshakeMessage) -> None:
        """Take the next message of the client.

        Raises:
            ParseError: The message is malformed.
            ProtocolError: It breaks a rule.
        """
        state = self._state
        match (state, message.message_type):
            # [rfc8446:4/1]
            case (AwaitCertificate(), HandshakeType.CERTIFICATE):
                self._state = self._on_certificate(CertificateMessage13.parse(message.body))
            case (AwaitCertificateVerify(), HandshakeType.CERTIFICATE_VERIFY):
                self._state = self._on_certificate_verify(state, CertificateVerify.parse(message.body))
            case (AwaitFinished(), HandshakeType.FINISHED):
                self._state = self._on_finished(state, message.body)
            case _:
                raise unexpected(message, state)
        self._transcript.add(message.without_dtls_fields())

    def _answer(self, hello: ClientHello, choice: Choice, share: bytes) -> _Agreed:
        """Send our whole flight."""
        context = self._context
        certificate = _certificate(context)
        scheme = choose_signature_scheme(certificate, hello)
        shared, answers = answer_shared_extensions(context.config, hello.extensions, Version.DTLS_1_3)
        context.limit_records(shared.record_size_limit)
        handshake = self._say_hello(hello, choice, share)
        # [rfc8446:4.3.1/1]
        self._send(EncryptedExtensions(extensions=Extensions(answers)))
        # [rfc8446:4.3.2/1] [rfc8122:6.2/3]
        if context.config.require_client_certificate:
            self._send(CertificateRequest13(signature_algorithms=SIGNATURE_SCHEMES_13))
        # [rfc8446:4.4.2/2] [rfc8122:6.2/1]
        self._send(CertificateMessage13(chain=certificate.chain))
        # [rfc8446:4.4.3/1]
        content = signed_content(by_client=False, transcript_hash=self._digest(handshake))
        self._send(CertificateVerify(signature_algorithm=scheme, signature=certificate.sign(scheme, content)))
        self._send(Finished13(verify_data=handshake.server.verify_data(self._digest(handshake))))
        # There is no ChangeCipherSpec. [rfc9147:5/2]
        context.layer.send_flight()
        application = handshake.application(self._digest(handshake))
        context.log_secret("CLIENT_TRAFFIC_SECRET_0", hello.random, application.client.secret)
        context.log_secret("SERVER_TRAFFIC_SECRET_0", hello.random, application.server.secret)
        context.log_secret("EXPORTER_SECRET", hello.random, application.exporter.secret)
        context.install_sealer(application.server, HANDSHAKE_EPOCH + 1)
        return _Agreed(choice=choice, shared=shared, handshake=handshake, application=application)

    def _say_hello(self, hello: ClientHello, choice: Choice, share: bytes) -> HandshakeSecrets:
        """Send the ServerHello, and go over to the keys that come from it."""
        context = self._context
        ours, secret = answer_share(choice.group, share, context.rng)
        extensions = [
            # [rfc8446:4.2.1/2]
            (ExtensionType.SUPPORTED_VERSIONS, Version.DTLS_1_3.to_bytes(2, "big")),
            # [rfc8446:4.2.8/4]
            (ExtensionType.KEY_SHARE, encode_server_share(choice.group, ours)),
            *answer_connection_id(context, hello.extensions),
        ]
        self._send(
            ServerHello(
                # [rfc9147:5.4/1] [rfc8446:4.1.3/1] The session id is not echoed: [rfc9147:5/1]
                server_version=Version.DTLS_1_2,
                random=context.rng(32),
                cipher_suite=choice.suite.id,
                extensions=Extensions(extensions),
            )
        )
        handshake = HandshakeSecrets.derive(choice.suite, secret, self._transcript.digest(choice.suite.hash_name))
        context.log_secret("CLIENT_HANDSHAKE_TRAFFIC_SECRET", hello.random, handshake.client.secret)
        context.log_secret("SERVER_HANDSHAKE_TRAFFIC_SECRET", hello.random, handshake.server.secret)
        # [rfc9147:6.1/2]
        context.install_sealer(handshake.server, HANDSHAKE_EPOCH)
        context.install_opener(handshake.client, HANDSHAKE_EPOCH)
        context.layer.require_epoch(HANDSHAKE_EPOCH)
        return handshake

    def _on_certificate(self, message: CertificateMessage13) -> AwaitCertificateVerify:
        if message.context:
            raise ProtocolError(
                AlertDescription.ILLEGAL_PARAMETER,
                "the client answers another request for a certificate",
                "RFC 8446 section 4.4.2",
            )
        # [rfc8122:6.2/3] [rfc8446:4.4.2/4]
        if not message.chain:
            raise ProtocolError(
                AlertDescription.CERTIFICATE_REQUIRED, "the client shows no certificate", "RFC 8446 section 4.4.2.4"
            )
        client_key = PeerKey(message.chain[0])
        self._context.present_certificate(message.chain)
        return AwaitCertificateVerify(client_key=client_key)

    def _on_certificate_verify(self, state: AwaitCertificateVerify, message: CertificateVerify) -> AwaitFinished:
        content = signed_content(by_client=True, transcript_hash=self._digest(self._agreed.handshake))
        # [rfc8446:4.4.3/4]
        state.client_key.verify_13(message.signature_algorithm, message.signature, content)
        return AwaitFinished(peer_signature_algorithm=message.signature_algorithm)

    def _on_finished(self, state: AwaitFinished, body: bytes) -> Established:
        agreed, context = self._agreed, self._context
        check_finished(body, agreed.handshake.client, self._digest(agreed.handshake))
        # [rfc9147:5.8.1/5]
        context.install_opener(agreed.application.client, HANDSHAKE_EPOCH + 1)
        # [rfc9147:7.1/3]
        context.layer.acknowledge()
        return Established(
            session=Session(
                version=Version.DTLS_1_3,
                cipher_suite=agreed.choice.suite.id,
                record_overhead=context.records.overhead(HANDSHAKE_EPOCH + 1),
                group=agreed.choice.group,
                peer_signature_algorithm=state.peer_signature_algorithm,
                extended_master_secret=True,
                srtp_profile=agreed.shared.srtp_profile,
                alpn_protocol=agreed.shared.alpn_protocol,
            )
        )

    def _digest(self, handshake: HandshakeSecrets) -> bytes:
        return self._transcript.digest(handshake.suite.hash_name)

    def _send(self, body: MessageBody) -> None:
        self._transcript.add(self._context.layer.compose(body).without_dtls_fields())


def _certificate(context: HandshakeContext) -> Certificate:
    if context.config.certificate is None:
        raise ProtocolError(AlertDescription.INTERNAL_ERROR, "a server needs a certificate", "RFC 8446 section 4.4.2")
    return context.config.certificate
