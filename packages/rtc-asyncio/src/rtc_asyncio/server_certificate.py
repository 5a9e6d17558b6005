"""Whether a server's certificate is what it should be: issued by somebody whom we trust, for the name that was configured.

TLS has this in `ssl`; here it is for DTLS, by the same context.
"""

import ipaddress
import ssl
import warnings
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from cryptography import x509
from cryptography.x509.verification import Criticality, ExtensionPolicy, PolicyBuilder, Store, VerificationError

_NAME_ALONE: Final = ExtensionPolicy.permit_all().require_present(
    x509.SubjectAlternativeName, Criticality.AGNOSTIC, None
)
"""What is asked of a root that is a server's certificate as well: that it has the server's name."""


def is_trusted(chain: Sequence[bytes], name: str, context: ssl.SSLContext, now: datetime) -> bool:
    """Tell whether a chain of DER certificates, the server's own first, proves a domain name or an IP address.

    Args:
        chain: As the server sent it.
        name: What the server is configured as.
        context: Has the trusted roots. One that asks for no certificate trusts everybody. Who runs a server without an authority
            makes a root for it alone, which then is its certificate as well.
        now: The time of day.
    """
    if context.verify_mode is ssl.CERT_NONE:
        return bool(chain)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about roots that are older than some rules
            known = context.get_ca_certs(binary_form=True)
            roots = [x509.load_der_x509_certificate(each) for each in known]
        leaf, *others = [x509.load_der_x509_certificate(each) for each in chain]
        policy = PolicyBuilder().store(Store(roots)).time(now)
        if chain[0] in known:
            policy = policy.extension_policies(ca_policy=ExtensionPolicy.webpki_defaults_ca(), ee_policy=_NAME_ALONE)
        policy.build_server_verifier(_subject(name)).verify(leaf, others)
    except (VerificationError, ValueError, x509.InvalidVersion, x509.UnsupportedGeneralNameType):
        return False
    return True


def untrusted(name: str) -> ssl.SSLCertVerificationError:
    """Return the error of TLS for a certificate that does not prove a name."""
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_code = 1
    error.verify_message = f"it does not prove that this is {name}"
    return error


def _subject(name: str) -> x509.DNSName | x509.IPAddress:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
