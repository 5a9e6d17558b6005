"""The STUN messages that ICE sends (:rfc:`8445#section-7.1`, :rfc:`8445#section-11`)."""

from typing import Final

from rtc_stun import (
    BINDING,
    Address,
    Attribute,
    ErrorCode,
    FingerprintError,
    GoogNomination,
    IceControlled,
    IceControlling,
    Integrity,
    IntegrityError,
    MappedAddress,
    Message,
    MessageClass,
    Priority,
    UnknownAttributes,
    UseCandidate,
    Username,
    XorMappedAddress,
)

TRANSACTION_ID_LENGTH: Final = 12
ROLE_CONFLICT: Final = 487


def build_check(
    transaction_id: bytes,
    *,
    username: str,
    key: bytes,
    priority: int,
    controlling: bool,
    tie_breaker: int,
    use_candidate: bool,
    nomination: int = 0,
) -> bytes:
    """Return a connectivity check, or a consent check, which looks the same; a nomination has a number if not 0."""
    # [rfc8445:7.1.3/1] [rfc8445:7.1.3/2]
    role = IceControlling(tie_breaker) if controlling else IceControlled(tie_breaker)
    attributes: list[Attribute] = [Username(username), Priority(priority), role]
    # [rfc8445:7.1.2/1] [rfc8445:7.1.2/2]
    if use_candidate and controlling:
        attributes.append(UseCandidate())
        if nomination:
            attributes.append(GoogNomination(nomination))
    # [rfc8445:7.2.2/1] [rfc8445:7.2.4/2]
    return Message(BINDING, MessageClass.REQUEST, transaction_id, attributes).serialize(key=key, fingerprint=True)


def build_success(transaction_id: bytes, source: Address, key: bytes, integrity: Integrity) -> bytes:
    """Return the answer to a check: where it came from, protected as the check was."""
    response = Message(BINDING, MessageClass.SUCCESS, transaction_id, [XorMappedAddress(source)])
    # [rfc8445:7.3/3] [rfc8445:7.3/9]
    return response.serialize(key=key, integrity=integrity, fingerprint=True)


def build_error(
    transaction_id: bytes,
    code: int,
    *,
    unknown: tuple[int, ...] = (),
    key: bytes | None = None,
    integrity: Integrity = Integrity.SHA1,
) -> bytes:
    """Return an error response; protected if the request was proven to come from the peer."""
    attributes: list[Attribute] = [ErrorCode.with_phrase(code)]
    if unknown:
        attributes.append(UnknownAttributes(unknown))
    response = Message(BINDING, MessageClass.ERROR, transaction_id, attributes)
    return response.serialize(key=key, integrity=integrity, fingerprint=True)


def build_keepalive(transaction_id: bytes) -> bytes:
    """Return a Binding indication, which keeps a NAT's binding and wants no answer."""
    # [rfc8445:11/10] [rfc8445:11/11] [rfc8445:11/12]
    return Message(BINDING, MessageClass.INDICATION, transaction_id).serialize(fingerprint=True)


def build_gathering_request(transaction_id: bytes) -> bytes:
    """Return the question to a STUN server which address it sees."""
    return Message(BINDING, MessageClass.REQUEST, transaction_id).serialize()


def mapped_address(message: Message) -> Address | None:
    """Return the address that a success response reports to a check."""
    # [rfc8445:7.2.4/1] MAPPED-ADDRESS, the way of RFC 3489, is not looked at.
    mapped = message.get(XorMappedAddress)
    return None if mapped is None else mapped.address


def server_mapped_address(message: Message) -> Address | None:
    """Return the address that a STUN server reports, in the new or the old way."""
    # [rfc8445:5.1.1.2/5]
    mapped = message.get(XorMappedAddress) or message.get(MappedAddress)
    return None if mapped is None else mapped.address


def is_proven(message: Message, key: bytes) -> bool:
    """Whether a response comes from a holder of the key and is meant as STUN."""
    try:
        # [rfc8445:7.2.4/2]
        message.verify_fingerprint()
        # [rfc8445:7.2.2/1]
        message.verify_integrity(key)
    except (FingerprintError, IntegrityError):
        return False
    return True
