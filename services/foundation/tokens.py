"""Secrets of the installation and the tokens derived from them; nothing secret is stored in the database."""

import hashlib
import hmac
import os
import secrets
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from pathlib import Path
from typing import Self


@dataclass(frozen=True)
class Secrets:
    """The installation's key. Losing it ends every link and sign-in; it lives beside the data, mode 0600."""

    key: bytes

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read the key of this folder, made at first start. Two processes starting together keep the same one."""
        path = folder / "secret.key"
        folder.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            draft = folder / f".secret.{secrets.token_hex(4)}"
            handle = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
            with os.fdopen(handle, "wb") as file:
                file.write(secrets.token_bytes(32))
            try:
                os.link(draft, path)
            except FileExistsError:
                pass
            finally:
                draft.unlink()
        return cls(path.read_bytes())

    def digest(self, purpose: str, value: str) -> bytes:
        """HMAC-SHA256 of the value for one purpose: the same at every call."""
        return hmac.new(self.key, f"{purpose}\0{value}".encode(), hashlib.sha256).digest()

    def sign(self, purpose: str, value: str) -> str:
        """The digest in 43 URL-safe characters."""
        return urlsafe_b64encode(self.digest(purpose, value)).rstrip(b"=").decode()

    def verify(self, purpose: str, value: str, signature: str) -> bool:
        """Compare in constant time."""
        return hmac.compare_digest(self.sign(purpose, value).encode(), signature.encode())


def new_token() -> str:
    """256 random bits, URL-safe."""
    return secrets.token_urlsafe(32)


def token_hash(token: str) -> str:
    """What is stored of a token."""
    return hashlib.sha256(token.encode()).hexdigest()
