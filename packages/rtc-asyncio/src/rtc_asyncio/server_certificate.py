"""Whether a server's certificate is what it should be: issued by somebody whom we trust, for the name that was configured.

TLS has this in `ssl`; here it is for DTLS, by the same context.
"""

import ipaddress
import ssl
import warnings
from collections.abc import Sequence
from datetime import datetime

from cryptography import x509
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError


def is_trusted(chain: Sequence[bytes], name: str, context: ssl.SSLContext, now: datetime) -> bool:
    """Tell whether a chain of DER certificates, the server's own first, proves a domain name or an IP address.

    Args:
        chain: As the server sent it.
        name: What the server is configured as.
        context: Has the trusted roots. One that asks for no certificate trusts everybody.
        now: The time of day.
    """
    if context.verify_mode is ssl.CERT_NONE:
        return bool(chain)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about roots that are older than some rules
            roots = [x509.load_der_x509_certificate(each) for each in context.get_ca_certs(binary_form=True)]
        leaf, *others = [x509.load_der_x509_certificate(each) for each in chain]
        verifier = PolicyBuilder().store(Store(roots)).time(now).build_server_verifier(_subject(name))
        verifier.verify(leaf, others)
    except (VerificationError, ValueError, x509.InvalidVersion, x509.UnsupportedGeneralNameType):
        return False
    return True


def _subject(name: str) -> x509.DNSName | x509.IPAddress:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
