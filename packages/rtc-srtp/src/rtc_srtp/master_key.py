"""Master keys: what key management hands over, and session keys are derived from."""

from dataclasses import field

from .dataclass import dataclass
from .profile import ProtectionProfile


@dataclass(frozen=True, slots=True, kw_only=True)
class MasterKey:
    """A master key with its salt. It protects one direction only: two that send under one key give their media away.

    See :rfc:`3711#section-3.2.1`.
    """

    # [rfc7714:13.1/2]
    key: bytes = field(repr=False)
    """As many random bytes as the profile's ``key_length``."""
    salt: bytes = field(repr=False)
    """As many bytes as the profile's ``salt_length``."""
    mki: bytes = b""
    """The master key identifier that packets carry; empty if they carry none. At most 128 bytes."""

    def check(self, profile: ProtectionProfile) -> None:
        """Refuse lengths that the profile does not have.

        Raises:
            ValueError: A length is wrong.
        """
        if len(self.key) != profile.key_length:
            raise ValueError(f"the master key of {profile.name} has {profile.key_length} bytes, not {len(self.key)}")
        if len(self.salt) != profile.salt_length:
            raise ValueError(f"the master salt of {profile.name} has {profile.salt_length} bytes, not {len(self.salt)}")
