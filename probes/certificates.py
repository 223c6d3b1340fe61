"""The certificates that a server shows."""

import hashlib
import ssl
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache

from cryptography import x509
from cryptography.x509.oid import NameOID

from schemas.uptime.checks import Certificate

DAY_US = 86_400_000_000
DER = 2
"""`_ssl.ENCODING_DER`."""


def chain_of(tls: ssl.SSLObject | ssl.SSLSocket) -> tuple[bytes, ...]:
    """Returns the chain as it was sent, the server's own certificate first, each as DER."""
    if hasattr(tls, "get_unverified_chain"):  # from Python 3.13 on
        return tuple(tls.get_unverified_chain())
    # Before, the standard library has it without a public name.
    inner = getattr(tls, "_sslobj")  # noqa: B009
    return tuple(one.public_bytes(DER) for one in inner.get_unverified_chain() or ())


@lru_cache(maxsize=4096)
def read_chain(chain: tuple[bytes, ...]) -> Certificate | None:
    """Returns what people want to know of a chain; `None` for one that cannot be read."""
    try:
        certificates = [x509.load_der_x509_certificate(one) for one in chain]
        return _described(certificates, chain[0]) if certificates else None
    except ValueError:
        return None


def is_ending(certificate: Certificate, warning_days: int, now_us: int) -> bool:
    """Tells whether a certificate ends within the warning.

    The warning is at most a third of the certificate's life: one of six days is not always about
    to end.
    """
    life_us = certificate.not_after_us - certificate.not_before_us
    return certificate.not_after_us - now_us < min(warning_days * DAY_US, life_us // 3)


def _described(certificates: Sequence[x509.Certificate], leaf_der: bytes) -> Certificate:
    leaf = certificates[0]
    return Certificate(
        subject=_name(leaf.subject),
        issuer=_name(leaf.issuer),
        not_before_us=_us(leaf.not_valid_before_utc),
        not_after_us=min(_us(one.not_valid_after_utc) for one in certificates),
        sha256=hashlib.sha256(leaf_der).hexdigest(),
    )


def _name(name: x509.Name) -> str:
    common = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    text = str(common[0].value) if common else name.rfc4514_string()
    return text[:200]


def _us(moment: datetime) -> int:
    return int(moment.timestamp()) * 1_000_000
