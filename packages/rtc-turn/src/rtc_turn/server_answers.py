"""Answers to clients: those that are protected by a user's key, and those to whoever has not proven anything.

Over datagrams anybody can ask in another's name, so what is answered to strangers is counted out: see `reflection`.
"""

from rtc_stun import (
    Attribute,
    Authenticated,
    ErrorCode,
    Fingerprint,
    Message,
    MessageClass,
    Software,
    Unauthenticated,
    UnknownAttributes,
    XorMappedAddress,
)
from rtc_turn.reflection import Allowances, Credits
from rtc_turn.server_allocation import ClientPath
from rtc_turn.server_config import TurnServerConfig
from rtc_turn.server_journal import ServerJournal
from rtc_turn.server_output import ServerOutput
from rtc_turn.server_replies import REASONS, UNKNOWN_ATTRIBUTE, Asked, Reply


class ServerAnswers:
    """Builds answers and sends them.

    Args:
        config: That of the server.
        output: Takes them.
        journal: Takes time and counts.
    """

    def __init__(self, config: TurnServerConfig, output: ServerOutput, journal: ServerJournal) -> None:
        self._software = () if config.software is None else (Software(config.software),)
        self._output = output
        self._journal = journal
        self._allowances = Allowances(config.unproven_burst, config.unproven_rate)
        self._credits = Credits(config.challenge_burst)

    def respond(self, asked: Asked, reply: Reply) -> None:
        """Answer a known user."""
        attributes = reply.attributes
        if reply.code:
            phrase = REASONS.get(reply.code)
            error = ErrorCode.with_phrase(reply.code) if phrase is None else ErrorCode(reply.code, phrase)
            attributes = (error, *attributes)
        self._journal.count(reply.code)
        # [rfc8656:5/11]
        self._output.send(asked.path, _write(asked.request, asked.user, *attributes, *self._software))

    def challenge(self, request: Message, path: ClientPath, length: int, refusal: Unauthenticated) -> None:
        """Tell a stranger how to prove itself, if it has sent as much as it would be told."""
        # No words: there are people who would have to read them, and victims who would have to receive them.
        error = ErrorCode(refusal.error_code, "")
        self._answer(path, length, refusal.error_code, _write(request, None, error, *refusal.attributes))

    def answer_binding(self, request: Message, path: ClientPath, length: int) -> None:
        """Tell a stranger its address."""
        unknown = request.unknown_required()
        if unknown:
            error = ErrorCode(UNKNOWN_ATTRIBUTE, "")
            wire = _write(request, None, error, UnknownAttributes(tuple(unknown)))
            self._answer(path, length, UNKNOWN_ATTRIBUTE, wire)
        else:
            self._answer(path, length, 0, _write(request, None, XorMappedAddress(path.remote)))

    def proven(self, path: ClientPath) -> None:
        """Somebody is there, and has asked."""
        if path.transport == "udp":
            self._allowances.prove(path.remote)
            self._credits.prove(path.remote, self._journal.now)

    def _answer(self, path: ClientPath, length: int, code: int, wire: bytes) -> None:
        journal = self._journal
        journal.stats.unauthenticated_bytes_received += length
        # Whoever has a stream, or speaks DTLS, has proven its address.
        if path.transport == "udp":
            if code and not self._credits.exchange(path.remote, length, len(wire), journal.now):
                journal.drop("unpaid")
                return
            if not self._allowances.take(path.remote, len(wire), journal.now):
                journal.drop("unproven")
                return
        journal.stats.unauthenticated_bytes_sent += len(wire)
        journal.count(code)
        self._output.send(path, wire)


def _write(request: Message, user: Authenticated | None, *attributes: Attribute) -> bytes:
    is_error = bool(attributes) and isinstance(attributes[0], ErrorCode)
    message_class = MessageClass.ERROR if is_error else MessageClass.SUCCESS
    response = Message(request.method, message_class, request.transaction_id, attributes)
    fingerprint = request.get(Fingerprint) is not None
    if user is None:
        return response.serialize(fingerprint=fingerprint)
    return response.serialize(key=user.key, integrity=user.integrity, fingerprint=fingerprint)
