"""Protocol versions on the wire: one's complement of the TLS ones, so newer is numerically lower."""

from enum import IntEnum


class Version(IntEnum):
    """The DTLS versions there are. See :rfc:`6347#section-4.1`."""

    DTLS_1_0 = 0xFEFF
    # [rfc6347:4.1/2]
    DTLS_1_2 = 0xFEFD
    DTLS_1_3 = 0xFEFC
