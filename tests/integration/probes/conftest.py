"""What the tests of probes share: certificates of an authority of their own."""

import datetime
import ipaddress
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

NOW = datetime.datetime.now(datetime.UTC).replace(microsecond=0)


class Files(NamedTuple):
    """A chain and its key, as files in PEM."""

    chain: Path
    key: Path
    ends: datetime.datetime


class Authority:
    """Signs certificates."""

    def __init__(self, folder: Path, *, days: int = 3650) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test Root")])
        self._root = (
            _begun(name, name, self._key.public_key(), days=days)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(_usage(of_authority=True), critical=True)
            .add_extension(
                x509.SubjectKeyIdentifier.from_public_key(self._key.public_key()), critical=False
            )
            .sign(self._key, hashes.SHA256())
        )
        self.file = folder / "root.pem"
        self.file.write_bytes(_pem(self._root))

    def sign(self, host: str, *, days: int = 90, age_days: int = 60, is_own: bool = False) -> Files:
        """Returns a certificate that ends in so many days; `is_own` is self-signed."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
        issuer, by = (subject, key) if is_own else (self._root.subject, self._key)
        signed = (
            _begun(subject, issuer, key.public_key(), days=days, age_days=age_days)
            .add_extension(x509.SubjectAlternativeName([_name(host)]), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(by.public_key()), critical=False
            )
            .sign(by, hashes.SHA256())
        )
        stem = f"{host}-{days}-{age_days}-{is_own}".replace("*", "any")
        files = Files(
            self._folder / f"{stem}.pem",
            self._folder / f"{stem}.key",
            NOW + datetime.timedelta(days=days),
        )
        files.chain.write_bytes(_pem(signed) + (b"" if is_own else _pem(self._root)))
        files.key.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return files


def _begun(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    *,
    days: int,
    age_days: int = 60,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - datetime.timedelta(days=age_days))
        .not_valid_after(NOW + datetime.timedelta(days=days))
    )


def _usage(*, of_authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=of_authority,
        crl_sign=of_authority,
        encipher_only=False,
        decipher_only=False,
    )


def _name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="session")
def short_authority(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], Authority]:
    """Makes authorities that themselves end in so many days."""
    return lambda days: Authority(tmp_path_factory.mktemp("short"), days=days)
