"""The DTLS 1.2 server from the ClientHello on.

    Client                                     Server

    ClientHello              ───────────────►
                             ◄───────────────  ServerHello
                             ◄───────────────  Certificate
                             ◄───────────────  ServerKeyExchange
                             ◄───────────────  CertificateRequest*
                             ◄───────────────  ServerHelloDone
    Certificate*             ───────────────►                        ── _on_certificate
    ClientKeyExchange        ───────────────►                        ── _on_client_key_exchange
    CertificateVerify*       ───────────────►                        ── _on_certificate_verify
    [ChangeCipherSpec]       ───────────────►
    Finished                 ───────────────►                        ── _on_finished
                             ◄───────────────  [ChangeCipherSpec]
                             ◄───────────────  Finished

Each state is a class that holds what is known by then: no Finished can be accepted before the CertificateVerify of a
certificate that was shown, because no state would know what to do with it. See :rfc:`5246#section-7.3`.
"""

import hmac
from dataclasses import field

from .alert import AlertDescription
from .certificate import Certificate
from .certificate_messages import CertificateMessage, CertificateRequest, CertificateVerify, ClientCertificateType
from .cipher_suite import CIPHER_SUITES, CipherSuite
from .client_hello import ClientHello
from .context import HandshakeContext, answer_connection_id, check_epoch, unexpected
from .dataclass import dataclass
from .downgrade import mark_downgrade
from .engine import Outcome
from .errors import ProtocolError
from .extensions import Extensions, ExtensionType, parse_code_points
from .group import EphemeralKey, GroupId
from .handshake import HandshakeMessage, HandshakeType
from .handshake_layer import MessageBody
from .hello_extensions12 import answer_client_extensions
from .key_exchange12 import ClientKeyExchange, Finished, ServerHelloDone, ServerKeyExchange
from .key_schedule12 import MasterSecret
from .peer_certificate import PeerKey
from .server_hello import ServerHello
from .session import Negotiated, Session
from .signature import SIGNATURE_SCHEMES, authentication, choose_scheme
from .transcript import Transcript
from .version import Version


@dataclass(frozen=True, slots=True, kw_only=True)
class AwaitCertificate:
    """Our flight is out, and we asked for a certificate."""

    negotiated: Negotiated
    ephemeral: EphemeralKey


@dataclass(frozen=True, slots=True, kw_only=True)
class AwaitClientKeyExchange:
    """The client showed its certificate, or did not have to."""

    negotiated: Negotiated
    ephemeral: EphemeralKey
    client_key: PeerKey | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AwaitCertificateVerify:
    """The client has to prove that the certificate is its own."""

    negotiated: Negotiated
    group: int
    client_key: PeerKey
    master: MasterSecret = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class AwaitFinished:
    """Everything but the confirmation is there."""

    negotiated: Negotiated
    group: int
    peer_signature_algorithm: int | None
    master: MasterSecret = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Established:
    """Both sides are finished."""

    session: Session
    master: MasterSecret = field(repr=False)


State = AwaitCertificate | AwaitClientKeyExchange | AwaitCertificateVerify | AwaitFinished | Established


class Server12:
    """One handshake, from the server's side."""

    __slots__ = ("_context", "_state", "_transcript")

    def __init__(self, context: HandshakeContext, transcript: Transcript, hello: ClientHello) -> None:
        """Choose from the client's offers and send our flight; the transcript ends with the client's hello.

        Raises:
            ParseError: An extension is malformed.
            ProtocolError: There is nothing that both sides speak.
        """
        self._context = context
        self._transcript = transcript
        self._state: State = self._on_client_hello(hello)

    @property
    def outcome(self) -> Outcome | None:
        """What was agreed on and the secret of it, once there is any."""
        state = self._state
        if not isinstance(state, Established):
            return None
        return Outcome(session=state.session, exporter=state.master, successor=None)

    def receive(self, message: HandshakeMessage) -> None:
        """Take the next message of the client.

        Raises:
            ParseError: The message is malformed.
            ProtocolError: It breaks a rule.
        """
        state = self._state
        check_epoch(message)
        match (state, message.message_type):
            # [rfc5246:7.4/1]
            case (AwaitCertificate(), HandshakeType.CERTIFICATE):
                self._state = self._on_certificate(state, CertificateMessage.parse(message.body))
                self._transcript.add(bytes(message))
            case (AwaitClientKeyExchange(), HandshakeType.CLIENT_KEY_EXCHANGE):
                # The extended master secret is bound to the transcript up to and with this message.
                self._transcript.add(bytes(message))
                self._state = self._on_client_key_exchange(state, ClientKeyExchange.parse(message.body))
            case (AwaitCertificateVerify(), HandshakeType.CERTIFICATE_VERIFY):
                self._state = self._on_certificate_verify(state, CertificateVerify.parse(message.body))
                self._transcript.add(bytes(message))
            case (AwaitFinished(), HandshakeType.FINISHED):
                self._state = self._on_finished(state, message)
            case _:
                raise unexpected(message, state)

    def _on_client_hello(self, hello: ClientHello) -> AwaitCertificate | AwaitClientKeyExchange:
        """Choose, and send our whole flight."""
        context = self._context
        certificate = context.config.certificate
        if certificate is None:
            raise ProtocolError(
                AlertDescription.INTERNAL_ERROR, "a server needs a certificate", "RFC 5246 section 7.4.2"
            )
        # [rfc5246:7.4.1.3/3]
        if 0 not in hello.compression_methods:
            raise ProtocolError(
                AlertDescription.ILLEGAL_PARAMETER, "the client insists on compression", "RFC 5246 section 7.4.1.2"
            )
        context.version = Version.DTLS_1_2
        choices, extensions = answer_client_extensions(context.config, hello)
        context.limit_records(choices.shared.record_size_limit)
        group = _choose_group(context, certificate, hello)
        scheme = _choose_signature_algorithm(certificate, hello)
        negotiated = Negotiated(
            suite=_choose_suite(context, certificate, hello),
            client_random=hello.random,
            # [rfc5246:7.4.1.3/1]
            server_random=mark_downgrade(context.config, context.rng(32)),
            extended_master_secret=choices.extended_master_secret,
            srtp_profile=choices.shared.srtp_profile,
            alpn_protocol=choices.shared.alpn_protocol,
        )
        extensions = Extensions([*extensions.items, *answer_connection_id(context, hello.extensions)])
        self._send(
            ServerHello(
                # [rfc5246:7.4.1.3/5]
                server_version=Version.DTLS_1_2,
                random=negotiated.server_random,
                cipher_suite=negotiated.suite.id,
                extensions=extensions,
            )
        )
        # [rfc5246:7.4.2/1] [rfc8122:6.2/1]
        self._send(CertificateMessage(chain=certificate.chain))
        ephemeral = EphemeralKey.generate(group, context.rng)
        # [rfc5246:7.4.3/2] [rfc5246:7.4.3/3]
        signed = negotiated.client_random + negotiated.server_random
        signed += ServerKeyExchange.params(group, ephemeral.public)
        self._send(
            ServerKeyExchange(
                group=group,
                public=ephemeral.public,
                signature_algorithm=scheme,
                signature=certificate.sign(scheme, signed),
            )
        )
        # [rfc5246:7.4.4/1] [rfc8122:6.2/3]
        if context.config.require_client_certificate:
            self._send(
                CertificateRequest(
                    # [rfc8422:5.5/1]
                    certificate_types=(ClientCertificateType.ECDSA_SIGN, ClientCertificateType.RSA_SIGN),
                    signature_algorithms=SIGNATURE_SCHEMES,
                )
            )
        # [rfc5246:7.4.5/1]
        self._send(ServerHelloDone())
        context.layer.send_flight()
        if context.config.require_client_certificate:
            return AwaitCertificate(negotiated=negotiated, ephemeral=ephemeral)
        return AwaitClientKeyExchange(negotiated=negotiated, ephemeral=ephemeral, client_key=None)

    def _on_certificate(self, state: AwaitCertificate, message: CertificateMessage) -> AwaitClientKeyExchange:
        # [rfc8122:6.2/3] [rfc5246:7.4.6/3]
        if not message.chain:
            raise ProtocolError(
                AlertDescription.BAD_CERTIFICATE, "the client shows no certificate", "RFC 8122 section 6.2"
            )
        client_key = PeerKey(message.chain[0])
        self._context.present_certificate(message.chain)
        return AwaitClientKeyExchange(negotiated=state.negotiated, ephemeral=state.ephemeral, client_key=client_key)

    def _on_client_key_exchange(
        self, state: AwaitClientKeyExchange, message: ClientKeyExchange
    ) -> AwaitCertificateVerify | AwaitFinished:
        negotiated, group = state.negotiated, state.ephemeral.group
        master = MasterSecret.derive(
            negotiated.suite,
            state.ephemeral.exchange(message.public),
            negotiated.client_random,
            negotiated.server_random,
            self._transcript.digest(negotiated.suite.hash_name) if negotiated.extended_master_secret else None,
        )
        self._context.install_keys(master, is_client=False)
        if state.client_key is None:
            return AwaitFinished(negotiated=negotiated, group=group, peer_signature_algorithm=None, master=master)
        return AwaitCertificateVerify(negotiated=negotiated, group=group, client_key=state.client_key, master=master)

    def _on_certificate_verify(self, state: AwaitCertificateVerify, message: CertificateVerify) -> AwaitFinished:
        signed = bytes(self._transcript)
        # [rfc5246:7.4.8/5] [rfc8422:5.8/1]
        state.client_key.verify(message.signature_algorithm, message.signature, signed, "RFC 5246 section 7.4.8")
        return AwaitFinished(
            negotiated=state.negotiated,
            group=state.group,
            peer_signature_algorithm=message.signature_algorithm,
            master=state.master,
        )

    def _on_finished(self, state: AwaitFinished, message: HandshakeMessage) -> Established:
        """Check the client's Finished and send ours, which covers it."""
        hash_name = state.negotiated.suite.hash_name
        theirs = Finished.parse(message.body)
        expected = state.master.verify_data(by_client=True, transcript_hash=self._transcript.digest(hash_name))
        # [rfc5246:7.4.9/1]
        if not hmac.compare_digest(theirs.verify_data, expected):
            raise ProtocolError(
                AlertDescription.DECRYPT_ERROR, "the client's Finished is wrong", "RFC 5246 section 7.4.9"
            )
        self._transcript.add(bytes(message))
        self._context.layer.compose_change_cipher_spec()
        # [rfc5246:7.1/1] [rfc5246:7.1/2] [rfc5246:7.4.9/7]
        self._context.records.write_epoch = 1
        transcript_hash = self._transcript.digest(hash_name)
        self._send(Finished(verify_data=state.master.verify_data(by_client=False, transcript_hash=transcript_hash)))
        self._context.layer.send_flight(final=True)
        return Established(
            session=state.negotiated.session(
                state.group, state.peer_signature_algorithm, self._context.records.overhead(1)
            ),
            master=state.master,
        )

    def _send(self, body: MessageBody) -> None:
        self._transcript.add(bytes(self._context.layer.compose(body)))


def _choose_suite(context: HandshakeContext, certificate: Certificate, hello: ClientHello) -> CipherSuite:
    wanted = authentication(certificate.key_type)
    for suite_id in context.config.cipher_suites_12:
        suite = CIPHER_SUITES[suite_id]
        # [rfc5246:7.4.1.2/4] [rfc5246:7.4.1.3/2] [rfc5246:7.4.2/2] [rfc5246:7.4.3/5] [rfc8422:5.3/2] [rfc8422:5.1/3]
        if suite_id in hello.cipher_suites and suite.authentication == wanted:
            return suite
    # [rfc5246:7.4.1.2/5] [rfc8422:5.3/4] [rfc5288:4/3]
    raise ProtocolError(AlertDescription.HANDSHAKE_FAILURE, "no cipher suite in common", "RFC 5246 section 7.4.1.3")


def _choose_group(context: HandshakeContext, certificate: Certificate, hello: ClientHello) -> int:
    """Our first group that the client has. One that does not list its groups has at least P-256.

    An ECDSA certificate has to be on a curve of the client's, too. See :rfc:`8422#section-5.1.1` and
    :rfc:`8422#section-5.3`.
    """
    # [rfc8422:4/2]
    data = hello.extensions.find(ExtensionType.SUPPORTED_GROUPS)
    offered = (int(GroupId.SECP256R1),) if data is None else parse_code_points(data, "supported_groups")
    # [rfc8422:5.3/3] [rfc5246:7.4.2/9]
    if certificate.group is None or data is None or certificate.group in offered:
        for group in context.config.ecdhe_groups:
            # [rfc8422:4/3] [rfc8422:5.1/4]
            if group in offered:
                return group
    raise ProtocolError(AlertDescription.HANDSHAKE_FAILURE, "no group in common", "RFC 8422 section 5.1")


def _choose_signature_algorithm(certificate: Certificate, hello: ClientHello) -> int:
    """A client without the extension means SHA-1, which we do not sign with. See :rfc:`5246#section-7.4.1.4.1`."""
    # [rfc5246:7.4.1.4.1/7]
    data = hello.extensions.find(ExtensionType.SIGNATURE_ALGORITHMS)
    offered = () if data is None else parse_code_points(data, "signature_algorithms")
    # [rfc5246:7.4.3/4]
    scheme = choose_scheme(certificate.key_type, offered)
    if scheme is None:
        raise ProtocolError(
            AlertDescription.HANDSHAKE_FAILURE,
            "no signature algorithm in common that fits our certificate",
            "RFC 5246 section 7.4.1.4.1",
        )
    return scheme
