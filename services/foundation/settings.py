"""The settings: one typed module, the only reader of the environment (`RELAIS_*`), read by nobody at import time."""

from pathlib import Path
from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import EmailStr, Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """What an operator of the software may set. Every field has a line in the README's table (a test compares them)."""

    model_config = SettingsConfigDict(env_prefix="RELAIS_", env_file=None, extra="ignore", frozen=True)

    data_folder: Path = Field(Path("var"), description="Dossier des données : base SQLite, secrets, documents")
    database_url: str | None = Field(
        None, description="postgresql+psycopg://… ; vide : SQLite dans le dossier des données"
    )
    public_url: str = Field("http://127.0.0.1:8000", description="Adresse publique, écrite dans les liens des messages")
    host: str = Field("127.0.0.1", description="Interface d’écoute du web")
    port: int = Field(8000, ge=1, le=65535, description="Port du web")
    catcher_smtp_port: int = Field(8025, description="Port SMTP de la boîte locale")
    catcher_web_port: int = Field(8026, description="Port de la page de la boîte locale")
    prefect_port: int = Field(4200, description="Port du serveur Prefect lancé par « relais up »")
    prefect_api_url: str | None = Field(None, description="API Prefect existante ; vide : celle de « relais up »")
    smtp_host: str | None = Field(None, description="Serveur SMTP ; vide : boîte locale, rien ne sort")
    smtp_port: int = Field(587, description="Port SMTP")
    smtp_user: str | None = Field(None, description="Compte SMTP")
    smtp_password: SecretStr | None = Field(None, description="Mot de passe SMTP")
    smtp_security: Literal["starttls", "tls", "none"] = Field(
        "starttls", description="Chiffrement exigé vers le serveur SMTP"
    )
    mail_sender: EmailStr = Field("relais@localhost.localdomain", description="Adresse d’expédition des messages")
    mail_enabled: bool = Field(True, description="Faux : rien n’est remis, tout attend (après une restauration)")
    sms_url: SecretStr | None = Field(None, description="Adresse Apprise du fournisseur de SMS ; vide : fichier local")
    demonstration: bool = Field(True, description="Charge la démonstration dans une base vide")
    log_format: Literal["console", "json"] = Field("console", description="Forme des journaux techniques")

    @model_validator(mode="after")
    def _tidy(self) -> Self:
        if urlsplit(self.public_url).scheme not in {"http", "https"}:
            raise ValueError("RELAIS_PUBLIC_URL must begin with http:// or https://")
        return self

    @property
    def url(self) -> str:
        """The SQLAlchemy address of Relais's own database."""
        return self.database_url or f"sqlite+pysqlite:///{self.data_folder / 'relais.sqlite'}"

    @property
    def is_https(self) -> bool:
        """Whether cookies may be `Secure` and `__Host-`."""
        return self.public_url.startswith("https://")

    @property
    def catches_mail(self) -> bool:
        """Whether mail goes to the local catcher instead of a real server."""
        return self.smtp_host is None
