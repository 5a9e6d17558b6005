"""Errors of rtc-datachannel, by whose fault they are: the caller's, or the sender's of the bytes."""


class DataChannelError(Exception):
    """Root of everything this package raises on purpose."""


class StateError(DataChannelError):
    """The command does not fit the present state of the channel or the endpoint; nothing changed."""


class BufferFullError(DataChannelError):
    """The send buffer has no room for the message; wait for ``BufferedAmountLow`` and try again."""


class MessageTooLargeError(DataChannelError, ValueError):
    """The message is longer than the peer accepts."""


class StreamUnavailableError(DataChannelError):
    """The stream belongs to another channel, is beyond what the association has, or none is free."""


class ParseError(DataChannelError, ValueError):
    """Bytes that are not a well-formed DCEP message."""
