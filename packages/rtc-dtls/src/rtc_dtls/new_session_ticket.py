"""NewSessionTicket, which we read and do not use. See :rfc:`8446#section-4.6.1`.

lifetime (4) | age_add (4) | nonce<0..255> | ticket<1..2^16-1> | extensions<0..2^16-2>
"""

from typing import Self

from .dataclass import dataclass
from .extensions import Extensions
from .presentation import Reader


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSessionTicket:
    """A ticket for a resumption that will not happen."""

    lifetime: int
    """Seconds."""
    ticket: bytes

    @classmethod
    def parse(cls, body: bytes) -> Self:
        """Parse the body of the message.

        Raises:
            ParseError: A length is wrong.
        """
        reader = Reader(body, "new_session_ticket")
        lifetime, _age_add, _nonce = reader.number(4), reader.number(4), reader.vector(1)
        ticket = reader.vector(2, 1)
        Extensions.parse_required(reader)
        return cls(lifetime=lifetime, ticket=ticket)
