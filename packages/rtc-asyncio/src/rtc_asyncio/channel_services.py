"""What a data channel asks of its connection: the machine's commands, with the errors of the W3C."""

import rtc_peer
from rtc_datachannel import DataChannel
from rtc_peer import PeerConnection

from .conversion import usv_string
from .driver import Driver
from .errors import InvalidStateError


class ChannelServices:
    """What a channel may ask of its connection; implements `rtc_asyncio.data_channel.Channels`."""

    def __init__(self, peer: PeerConnection, driver: Driver[rtc_peer.Event]) -> None:
        self._peer = peer
        self._driver = driver

    def send(self, channel: DataChannel, data: str | bytes) -> None:
        """Queue a message.

        Raises:
            RuntimeError: In another thread.
            InvalidStateError: The channel is not open any more.
        """
        self._driver.check_thread()
        try:
            self._peer.send(channel, data)
        except rtc_peer.StateError as error:
            raise InvalidStateError(str(error)) from None
        except rtc_peer.ArgumentError:
            self._peer.send(channel, usv_string(data))  # the text has no form in UTF-8
        self._driver.wake()

    def close_channel(self, channel: DataChannel) -> None:
        """Begin to close."""
        self._peer.close_channel(channel, self._driver.now)
        self._driver.wake()

    def buffered_amount(self, channel: DataChannel) -> int:
        """Bytes that are queued."""
        return self._peer.buffered_amount(channel)

    def set_low_threshold(self, channel: DataChannel, threshold: int) -> None:
        """Ask to be told when that few bytes are left."""
        try:
            self._peer.set_buffered_amount_low_threshold(channel, threshold)
        except rtc_peer.StateError:
            return  # it is closing: nothing will be low any more

    def unread_changed(self, difference: int) -> None:
        """Bytes came to wait for a reader, or no longer do."""
        self._peer.add_unread(difference)
        # A window that narrows is told with the acknowledgement; one that opens may be waited for.
        if difference < 0:
            self._driver.wake()

    def message_told(self) -> None:
        """The application has got a message, and may answer."""
        self._driver.linger()
