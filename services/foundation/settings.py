"""The settings: one typed module, the only reader of the environment (`RELAIS_*`), read by nobody at import time."""

from pathlib import Path
from typing import Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import EmailStr, Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
EVERYWHERE: Final = frozenset({"0.0.0.0", "::"})  # noqa: S104 - compared with, not listened on


def local_url(host: str, port: int) -> str:
    """Where this machine reaches what listens there."""
    reached = "127.0.0.1" if host in EVERYWHERE else host
    return f"http://{f'[{reached}]' if ':' in reached else reached}:{port}"


class Settings(BaseSettings):
    """What an operator of the software may set. Every field has a line in the README's table (a test compares them)."""

    model_config = SettingsConfigDict(env_prefix="RELAIS_", env_file=None, extra="ignore", frozen=True)

    data_folder: Path = Field(Path("var"), description="Dossier des données : base SQLite, secrets, documents")
    database_url: str | None = Field(
        None, description="postgresql+psycopg://… ; vide : SQLite dans le dossier des données"
    )
    host: str = Field("127.0.0.1", description="Interface d’écoute du web")
    port: int = Field(8000, ge=1, le=65535, description="Port du web")
    web_processes: int = Field(
        1, ge=1, le=32, description="Processus qui servent le web sur cette machine, au plus un par cœur"
    )
    public_url: str = Field(
        default_factory=lambda given: local_url(given["host"], given["port"]),
        description="Adresse publique, écrite dans les liens des messages ; vide : celle du web",
    )
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
    smtp_connections: int = Field(4, ge=1, le=20, description="Connexions ouvertes à la fois vers le serveur SMTP")
    mail_sender: EmailStr = Field("relais@localhost.localdomain", description="Adresse d’expédition des messages")
    imap_host: str | None = Field(
        None, description="Serveur IMAP de l’adresse d’expédition, où arrivent les réponses ; vide : dossier local"
    )
    imap_port: int = Field(993, description="Port IMAP ; 143 : STARTTLS exigé")
    imap_user: str | None = Field(None, description="Compte IMAP")
    imap_password: SecretStr | None = Field(None, description="Mot de passe IMAP")
    imap_folder: str = Field("INBOX", pattern=r"^[ -~]+$", description="Dossier IMAP à lire, réservé à Relais")
    mail_enabled: bool = Field(True, description="Faux : rien n’est remis, tout attend (après une restauration)")
    sms_url: SecretStr | None = Field(None, description="Adresse Apprise du fournisseur de SMS ; vide : fichier local")
    sms_webhook_secret: SecretStr | None = Field(
        None, min_length=20, description="Secret par lequel votre fournisseur annonce les SMS reçus ; vide : aucun"
    )
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
    def is_on_loopback(self) -> bool:
        """Whether this installation is only reached from its own machine: development, a demonstration."""
        return urlsplit(self.public_url).hostname in LOOPBACK

    @property
    def reads_replies(self) -> bool:
        """Whether answers to our mails come to a mailbox that we read, not to the programme's own address."""
        return self.imap_host is not None

    @property
    def catches_mail(self) -> bool:
        """Whether mail goes to the local catcher instead of a real server."""
        return self.smtp_host is None
