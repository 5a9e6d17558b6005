"""Who an arriving STUN message is for: the answering side, a check, a consent check, or a question to a server."""

from collections.abc import Callable

from rtc_ice.events import LocalCandidateGathered
from rtc_ice.generation import Generation
from rtc_ice.messages import is_proven
from rtc_ice.output import Output
from rtc_ice.responder import Responder
from rtc_ice.selection import Selection
from rtc_ice.session import Session
from rtc_ice.stats import IceStats
from rtc_ice.triggered import take_check
from rtc_stun import BINDING, ICE_ATTRIBUTES, Datagram, Message, MessageClass, ParseError, is_stun


class Receiver:
    """Hands STUN messages on; what is for nobody is dropped and counted."""

    def __init__(
        self,
        *,
        responder: Responder,
        selection: Selection,
        output: Output,
        stats: IceStats,
        count: Callable[[str], None],
    ) -> None:
        self._responder = responder
        self._selection = selection
        self._output = output
        self._stats = stats
        self._count = count

    def receive(
        self, datagram: Datagram, current: Generation, previous: Session | None, now: float
    ) -> LocalCandidateGathered | None:
        """Take a datagram; return what a server's response has let us discover.

        Args:
            datagram: As it arrived.
            current: Since the last restart.
            previous: The session before it, while its pair still carries data.
            now: The present.
        """
        if not is_stun(datagram.data):
            self._count("not-stun")
            return None
        try:
            # [rfc8445:7/1] [rfc8445:7.3/8] Without the magic cookie, as in RFC 3489, it does not parse.
            message = Message.parse(datagram.data, ICE_ATTRIBUTES)
        except ParseError:
            self._count("malformed")
            return None
        if message.method != BINDING:
            self._count("unknown-method")
        elif message.message_class is MessageClass.REQUEST:
            self._receive_request(message, datagram, current.session, previous, now)
        elif message.message_class is MessageClass.INDICATION:
            self._stats.indications_received += 1
        else:
            return self._receive_response(message, datagram, current, now)
        return None

    def _receive_request(
        self, message: Message, datagram: Datagram, current: Session, previous: Session | None, now: float
    ) -> None:
        sessions = [current] if previous is None else [current, previous]
        # [rfc8839:4.2.4/1] Nothing of the peer has to be known.
        # [rfc8445:5.3/4] [rfc8445:8.1.2/2] [rfc8445:11/13] [rfc6544:11.1/5] At any time, whatever state checks and pairs are in.
        answer = self._responder.answer(message, datagram, sessions)
        if answer is None:
            return
        self._output.put(Datagram(answer.response, datagram.local, datagram.remote, datagram.transport))
        session, check = answer.session, answer.check
        if session is None or check is None:
            return
        self._stats.checks_accepted += 1
        session.authenticate_path(check.path)
        if session is current:
            take_check(session, check, now)
        session.hear(check.path, now)

    def _receive_response(
        self, message: Message, datagram: Datagram, current: Generation, now: float
    ) -> LocalCandidateGathered | None:
        session = current.session
        answered, candidate = current.gatherer.handle_response(message, datagram, now)
        if answered:
            wanted = candidate is not None and session.gathers
            return current.take_local(candidate) if candidate is not None and wanted else None
        transaction = session.checks.get(message.transaction_id)
        monitor = self._selection.awaiting(message.transaction_id, now)
        if transaction is None and monitor is None:
            self._count("unknown-transaction")
        elif not is_proven(message, session.remote_key if monitor is None else monitor.session.remote_key):
            # [rfc7675:5.2/1] Nobody but the peer can end a session, by whatever error.
            self._count("unauthenticated-response")
        elif transaction is not None:
            current.checker.handle_response(transaction, message, datagram, now)
        elif monitor is not None and not monitor.handle_response(message, datagram, now):
            self._count("asymmetric-response")
        return None
