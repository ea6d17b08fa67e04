"""Certificates for servers of tests: an authority of one test, and what it vouches for."""

import ssl
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

LOOPBACK: Final = x509.IPAddress(ip_address("127.0.0.1"))
YEAR: Final = timedelta(days=365)


@dataclass
class Authority:
    """Signs for servers; who trusts its `certificate` believes them."""

    name: x509.Name = field(default_factory=lambda: _name("Autorité de test"))
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    def certificate(self, folder: Path) -> Path:
        """Its own certificate in a file, as SSL_CERT_FILE takes it."""
        own = _certificate(self.name, self.key, until=datetime.now(UTC) + YEAR)
        own = own.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        path = folder / "authority.pem"
        path.write_bytes(own.issuer_name(self.name).sign(self.key, hashes.SHA256()).public_bytes(PEM))
        return path

    def server(self, folder: Path, *, name: x509.GeneralName = LOOPBACK, expired: bool = False) -> ssl.SSLContext:
        """What a server shows that goes by this name."""
        until = datetime.now(UTC) + (-timedelta(days=1) if expired else YEAR)
        key = ec.generate_private_key(ec.SECP256R1())
        shown = _certificate(_name("Serveur de test"), key, until=until).issuer_name(self.name)
        shown = shown.add_extension(x509.SubjectAlternativeName([name]), critical=False)
        path = folder / "server.pem"
        secret = key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        path.write_bytes(secret + shown.sign(self.key, hashes.SHA256()).public_bytes(PEM))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context


PEM: Final = serialization.Encoding.PEM


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])


def _certificate(subject: x509.Name, key: ec.EllipticCurvePrivateKey, *, until: datetime) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(until - 2 * YEAR)
        .not_valid_after(until)
    )
