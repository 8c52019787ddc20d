"""The key that signs content credentials: the user's own, or one made on this machine that says it proves nothing."""

import datetime
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from faceshifter_hub.errors import CredentialsError, SettingsError
from faceshifter_hub.settings import get_settings

DEVELOPMENT = "FaceShifter Hub development key"  # the name that readers show
FILE = "development-key.pem"
VALID = datetime.timedelta(days=3650)
DAY = datetime.timedelta(days=1)
CURVES = {"secp256r1": "es256", "secp384r1": "es384", "secp521r1": "es512"}
USAGES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)


@dataclass(frozen=True)
class SigningKey:
    """What signs.

    Attributes:
        algorithm: As C2PA calls it: es256, ps256, ed25519, ...
        certificates: PEM, the signer's first.
        private_key: PEM.
    """

    algorithm: str
    certificates: str
    private_key: str


def get_signing_key() -> SigningKey:
    """Return the settings' key, or this machine's development key, which is made where there is none.

    Raises:
        SettingsError: Only one of certificates and key is set, or they are no such files.
        CredentialsError: A development key cannot be written.
    """
    settings = get_settings()
    if settings.certificates and settings.private_key:
        return read_key(settings.certificates.expanduser(), settings.private_key.expanduser())
    if settings.certificates or settings.private_key:
        raise SettingsError("Set both, FACESHIFTER_CERTIFICATES and FACESHIFTER_PRIVATE_KEY, or neither.")
    path = settings.config.expanduser() / FILE
    if not path.is_file() or not _is_valid_now(path):
        _write_development_key(path)
    return read_key(path, path)


def _is_valid_now(path: Path) -> bool:
    """Tell whether a development key's certificates are of this time, which they are not once a clock was set back."""
    try:
        chain = x509.load_pem_x509_certificates(path.read_bytes())
    except (OSError, ValueError):
        return True  # read_key says what is wrong
    now = datetime.datetime.now(datetime.UTC)
    return all(one.not_valid_before_utc <= now <= one.not_valid_after_utc for one in chain)


def read_key(certificates: Path, private_key: Path) -> SigningKey:
    """Return the key of two PEM files, or of one that holds both.

    Raises:
        SettingsError: One cannot be read, or they do not belong together.
    """
    try:
        chain = x509.load_pem_x509_certificates(certificates.read_bytes())
        key = load_pem_private_key(private_key.read_bytes(), None)
        belongs = chain[0].public_key() == key.public_key()
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
        reason = getattr(error, "strerror", None) or "one is no PEM, or has a password"
        raise SettingsError(
            f"'{certificates}' and '{private_key}' give no certificate and key ({reason}); name two PEM files."
        ) from None
    if not belongs:
        raise SettingsError(f"The first certificate of '{certificates}' is not that of the key '{private_key}'.")
    encoded = b"".join(one.public_bytes(Encoding.PEM) for one in chain).decode()
    return SigningKey(_algorithm(key), encoded, _pem(key))


def _algorithm(key: object) -> str:
    if isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.name in CURVES:
        return CURVES[key.curve.name]
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return "ed25519"
    if isinstance(key, rsa.RSAPrivateKey):
        return "ps256"
    raise SettingsError("Content credentials cannot be signed with such a key; use P-256, Ed25519 or RSA.")


def _write_development_key(path: Path) -> None:
    """Write a key and its certificates as one file, which only this user can read."""
    root_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    root = _certificate(f"{DEVELOPMENT}, root", root_key, None, root_key)
    leaf = _certificate(f"{DEVELOPMENT}, proves nothing", key, root, root_key)
    content = _pem(key).encode() + b"".join(one.public_bytes(Encoding.PEM) for one in (leaf, root))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, partial = tempfile.mkstemp(dir=path.parent, prefix=f".{FILE}-")
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        os.replace(partial, path)
    except OSError as error:
        raise CredentialsError(
            f"The key '{path}' cannot be written ({error.strerror}); set FACESHIFTER_CONFIG to a folder that can."
        ) from error


def _certificate(
    name: str, key: ec.EllipticCurvePrivateKey, issuer: x509.Certificate | None, issuer_key: ec.EllipticCurvePrivateKey
) -> x509.Certificate:
    now = datetime.datetime.now(datetime.UTC)
    own_name = x509.Name(
        [x509.NameAttribute(NameOID.COMMON_NAME, name), x509.NameAttribute(NameOID.ORGANIZATION_NAME, DEVELOPMENT)]
    )
    allowed = "digital_signature" if issuer else "key_cert_sign"
    builder = (
        x509.CertificateBuilder()
        .subject_name(own_name)
        .issuer_name(issuer.subject if issuer else own_name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - DAY)
        .not_valid_after(now + VALID)
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .add_extension(x509.KeyUsage(**{usage: usage == allowed for usage in USAGES}), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
    )
    if issuer:  # C2PA wants a purpose
        builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False)
    return builder.sign(issuer_key, hashes.SHA256())


def _pem(key: object) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()  # type: ignore[attr-defined]
