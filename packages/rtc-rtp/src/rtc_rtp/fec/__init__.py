"""Forward error correction: parity over groups of packets, as ULPFEC (:rfc:`5109`) and FlexFEC (draft 03) carry it.

`FecSender` makes the parity, `FecReceiver` recovers packets with it; a module per format knows how it is written.
"""

from rtc_rtp.fec.flexfec import FLEXFEC
from rtc_rtp.fec.mutable import mutable_extensions
from rtc_rtp.fec.policy import protection_against
from rtc_rtp.fec.receiver import FecReceiver
from rtc_rtp.fec.scheme import FecScheme, Protection
from rtc_rtp.fec.sender import FecSender
from rtc_rtp.fec.ulpfec import ULPFEC

__all__ = [
    "FLEXFEC",
    "FecReceiver",
    "FecScheme",
    "FecSender",
    "Protection",
    "ULPFEC",
    "mutable_extensions",
    "protection_against",
]
