"""The DTLS 1.2 client from the ServerHello on.

    Client                                     Server

                             ◄───────────────  ServerHello
                             ◄───────────────  Certificate           ── _on_certificate
                             ◄───────────────  ServerKeyExchange     ── _on_server_key_exchange
                             ◄───────────────  CertificateRequest*   ── _on_certificate_request
                             ◄───────────────  ServerHelloDone       ── _on_server_hello_done
    Certificate*             ───────────────►
    ClientKeyExchange        ───────────────►
    CertificateVerify*       ───────────────►
    [ChangeCipherSpec]       ───────────────►
    Finished                 ───────────────►
                             ◄───────────────  [ChangeCipherSpec]
                             ◄───────────────  Finished              ── _on_finished

Each state is a class that holds what is known by then. See :rfc:`5246#section-7.3` and :rfc:`8422#section-2`.
"""

import hmac
from dataclasses import field

from .alert import AlertDescription
from .certificate import Certificate
from .certificate_messages import CertificateMessage, CertificateRequest, CertificateVerify, ClientCertificateType
from .cipher_suite import CIPHER_SUITES
from .client_hello import ClientHello
from .connection_id import find_connection_id
from .context import HandshakeContext, check_epoch, unexpected
from .dataclass import dataclass
from .downgrade import check_downgrade
from .engine import Outcome
from .errors import ProtocolError
from .group import EphemeralKey
from .handshake import HandshakeMessage, HandshakeType
from .handshake_layer import MessageBody
from .hello_extensions12 import check_server_extensions
from .key_exchange12 import ClientKeyExchange, Finished, ServerHelloDone, ServerKeyExchange
from .key_schedule12 import MasterSecret
from .peer_certificate import PeerKey
from .server_hello import ServerHello
from .session import Negotiated, Session
from .signature import authentication, choose_scheme, scheme_key_type
from .transcript import Transcript
from .version import Version


@dataclass(frozen=True, slots=True, kw_only=True)
class AwaitCertificate:
    """The hellos are exchanged."""

    negotiated: Negotiated


@dataclass(frozen=True, slots=True, kw_only=True)
class AwaitServerKeyExchange:
    """The server's certificate is known."""

    negotiated: Negotiated
    server_key: PeerKey


@dataclass(frozen=True, slots=True, kw_only=True)
class AwaitCertificateRequest:
    """The server proved its key; it may now ask for our certificate, or be done."""

    negotiated: Negotiated
    exchange: ServerKeyExchange


@dataclass(frozen=True, slots=True, kw_only=True)
class AwaitServerHelloDone:
    """The server asked for our certificate."""

    negotiated: Negotiated
    exchange: ServerKeyExchange
    request: CertificateRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class AwaitFinished:
    """We said all we have to say."""

    negotiated: Negotiated
    exchange: ServerKeyExchange
    master: MasterSecret = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Established:
    """Both sides are finished."""

    session: Session
    master: MasterSecret = field(repr=False)


State = (
    AwaitCertificate
    | AwaitServerKeyExchange
    | AwaitCertificateRequest
    | AwaitServerHelloDone
    | AwaitFinished
    | Established
)


class Client12:
    """One handshake, from the client's side."""

    __slots__ = ("_context", "_state", "_transcript")

    def __init__(
        self, context: HandshakeContext, transcript: Transcript, hello: ClientHello, server_hello: ServerHello
    ) -> None:
        """Accept the server's choices; the transcript ends with its hello.

        Raises:
            ParseError: An extension is malformed.
            ProtocolError: The server chose what was not offered, or not what we need.
        """
        self._context = context
        self._transcript = transcript
        self._state: State = AwaitCertificate(negotiated=_accept(context, hello, server_hello))

    @property
    def outcome(self) -> Outcome | None:
        """What was agreed on and the secret of it, once there is any."""
        state = self._state
        if not isinstance(state, Established):
            return None
        return Outcome(session=state.session, exporter=state.master, successor=None)

    def receive(self, message: HandshakeMessage) -> None:
        """Take the next message of the server.

        Raises:
            ParseError: The message is malformed.
            ProtocolError: It breaks a rule.
        """
        state = self._state
        check_epoch(message)
        match (state, message.message_type):
            # [rfc5246:7.4/1] [rfc5246:7.4.1.3/4]
            case (AwaitCertificate(), HandshakeType.CERTIFICATE):
                self._state = self._on_certificate(state, CertificateMessage.parse(message.body))
            case (AwaitServerKeyExchange(), HandshakeType.SERVER_KEY_EXCHANGE):
                self._state = self._on_server_key_exchange(state, ServerKeyExchange.parse(message.body))
            case (AwaitCertificateRequest(), HandshakeType.CERTIFICATE_REQUEST):
                self._state = self._on_certificate_request(state, CertificateRequest.parse(message.body))
            case (AwaitCertificateRequest() | AwaitServerHelloDone(), HandshakeType.SERVER_HELLO_DONE):
                ServerHelloDone.parse(message.body)
                self._transcript.add(bytes(message))
                self._state = self._on_server_hello_done(state)
                return
            case (AwaitFinished(), HandshakeType.FINISHED):
                self._state = self._on_finished(state, Finished.parse(message.body))
            case _:
                raise unexpected(message, state)
        self._transcript.add(bytes(message))

    def _on_certificate(self, state: AwaitCertificate, message: CertificateMessage) -> AwaitServerKeyExchange:
        if not message.chain:
            raise ProtocolError(
                AlertDescription.DECODE_ERROR, "the server has no certificate", "RFC 5246 section 7.4.2"
            )
        server_key = PeerKey(message.chain[0])
        group = server_key.group
        # [rfc5246:7.4.2/9] [rfc5246:7.4.2/12] [rfc8422:5.3/3]
        if group is not None and group not in self._context.config.groups:
            raise ProtocolError(
                AlertDescription.ILLEGAL_PARAMETER,
                f"the server's certificate is on group {group}, which was not offered",
                "RFC 8422 section 5.3",
            )
        self._context.present_certificate(message.chain)
        return AwaitServerKeyExchange(negotiated=state.negotiated, server_key=server_key)

    def _on_server_key_exchange(
        self, state: AwaitServerKeyExchange, message: ServerKeyExchange
    ) -> AwaitCertificateRequest:
        negotiated = state.negotiated
        # [rfc8422:5.4/3]
        if message.group not in self._context.config.ecdhe_groups:
            raise ProtocolError(
                AlertDescription.ILLEGAL_PARAMETER,
                f"the server chose group {message.group}, which was not offered",
                "RFC 8422 section 5.4",
            )
        params = ServerKeyExchange.params(message.group, message.public)
        signed = negotiated.client_random + negotiated.server_random + params
        section = "RFC 8422 section 5.4"
        # [rfc5246:7.4.3/8] [rfc8422:5.4/4] [rfc8422:2.1/2]
        state.server_key.verify(message.signature_algorithm, message.signature, signed, section)
        # [rfc5246:7.4.2/7] [rfc5246:7.4.2/13] [rfc8422:2.1/1] [rfc8422:2.2/1]
        # The certificate has to be of the kind that the suite names.
        if authentication(scheme_key_type(message.signature_algorithm)) != negotiated.suite.authentication:
            raise ProtocolError(
                AlertDescription.ILLEGAL_PARAMETER, "the certificate does not fit the cipher suite", section
            )
        return AwaitCertificateRequest(negotiated=negotiated, exchange=message)

    def _on_certificate_request(
        self, state: AwaitCertificateRequest, message: CertificateRequest
    ) -> AwaitServerHelloDone:
        return AwaitServerHelloDone(negotiated=state.negotiated, exchange=state.exchange, request=message)

    def _on_server_hello_done(self, state: AwaitCertificateRequest | AwaitServerHelloDone) -> AwaitFinished:
        """Send our whole flight."""
        context, negotiated = self._context, state.negotiated
        signer: tuple[Certificate, int] | None = None
        # [rfc5246:7.3/2] [rfc5246:7.4.5/2]
        if isinstance(state, AwaitServerHelloDone):
            signer = _choose_certificate(context.config.certificate, state.request)
            # [rfc5246:7.4.6/1] [rfc8422:3/1] [rfc8122:6.2/2]
            # Without a fitting certificate the list is empty, and the server decides.
            self._send(CertificateMessage(chain=signer[0].chain if signer else ()))
        ephemeral = EphemeralKey.generate(state.exchange.group, context.rng)
        # [rfc8422:2.1/3] [rfc5246:8.1/2]
        premaster = ephemeral.exchange(state.exchange.public)
        # [rfc5246:7.4.7/1]
        self._send(ClientKeyExchange(public=ephemeral.public))
        master = MasterSecret.derive(
            negotiated.suite,
            premaster,
            negotiated.client_random,
            negotiated.server_random,
            self._transcript.digest(negotiated.suite.hash_name) if negotiated.extended_master_secret else None,
        )
        # [rfc5246:7.4.8/1] [rfc8422:3/2]
        if signer:
            certificate, scheme = signer
            # [rfc5246:7.4.8/5]
            signature = certificate.sign(scheme, bytes(self._transcript))
            self._send(CertificateVerify(signature_algorithm=scheme, signature=signature))
        context.install_keys(master, is_client=True)
        context.layer.compose_change_cipher_spec()
        # [rfc5246:7.1/1] [rfc5246:7.1/2] [rfc5246:7.4.9/7]
        context.records.write_epoch = 1
        transcript_hash = self._transcript.digest(negotiated.suite.hash_name)
        self._send(Finished(verify_data=master.verify_data(by_client=True, transcript_hash=transcript_hash)))
        context.layer.send_flight()
        return AwaitFinished(negotiated=negotiated, exchange=state.exchange, master=master)

    def _on_finished(self, state: AwaitFinished, message: Finished) -> Established:
        negotiated = state.negotiated
        transcript_hash = self._transcript.digest(negotiated.suite.hash_name)
        expected = state.master.verify_data(by_client=False, transcript_hash=transcript_hash)
        # [rfc5246:7.4.9/1]
        if not hmac.compare_digest(message.verify_data, expected):
            raise ProtocolError(
                AlertDescription.DECRYPT_ERROR, "the server's Finished is wrong", "RFC 5246 section 7.4.9"
            )
        return Established(
            session=negotiated.session(
                state.exchange.group, state.exchange.signature_algorithm, self._context.records.overhead(1)
            ),
            master=state.master,
        )

    def _send(self, body: MessageBody) -> None:
        self._transcript.add(bytes(self._context.layer.compose(body)))


def _accept(context: HandshakeContext, hello: ClientHello, server_hello: ServerHello) -> Negotiated:
    """Check that the server chose from what was offered. See :rfc:`5246#section-7.4.1.3`."""
    context.version = Version.DTLS_1_2
    check_downgrade(context.config, server_hello.random)
    # [rfc5246:7.4.1.3/2]
    if server_hello.cipher_suite not in context.config.cipher_suites_12:
        raise ProtocolError(
            AlertDescription.ILLEGAL_PARAMETER,
            f"the server chose cipher suite {server_hello.cipher_suite:#06x}, which was not offered",
            "RFC 5246 section 7.4.1.3",
        )
    # [rfc5246:7.4.1.3/3]
    if server_hello.compression_method != 0:
        raise ProtocolError(
            AlertDescription.ILLEGAL_PARAMETER, "the server chose compression", "RFC 5246 section 7.4.1.3"
        )
    choices = check_server_extensions(context.config, hello.extensions, server_hello.extensions)
    context.agree_on_connection_ids(find_connection_id(server_hello.extensions))
    context.limit_records(choices.shared.record_size_limit)
    return Negotiated(
        suite=CIPHER_SUITES[server_hello.cipher_suite],
        client_random=hello.random,
        server_random=server_hello.random,
        extended_master_secret=choices.extended_master_secret,
        srtp_profile=choices.shared.srtp_profile,
        alpn_protocol=choices.shared.alpn_protocol,
    )


def _choose_certificate(certificate: Certificate | None, request: CertificateRequest) -> tuple[Certificate, int] | None:
    """Return our certificate and the scheme to sign with, if they are what the server asks for."""
    if certificate is None:
        return None
    key_type = certificate.key_type
    # [rfc5246:7.4.4/2] [rfc5246:7.4.4/4] [rfc5246:7.4.6/4]
    wanted = ClientCertificateType.RSA_SIGN if key_type == "rsa" else ClientCertificateType.ECDSA_SIGN
    # [rfc5246:7.4.4/5] [rfc5246:7.4.6/6] [rfc5246:7.4.8/2]
    scheme = choose_scheme(key_type, request.signature_algorithms)
    if wanted not in request.certificate_types or scheme is None:
        return None
    return certificate, scheme
