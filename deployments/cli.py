"""The command line: `relais COMMAND`. Each command imports what it needs when it runs, so that `--help` is quick."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import App, Parameter

from deployments.importing import Options

if TYPE_CHECKING:
    from services.foundation.runtime import Runtime

app = App(
    name="relais",
    help="Relais\u00a0: le suivi des situations d’un Slime, du signalement au dernier appel.",
    version_flags=[],
    group_commands="Commandes",
    group_parameters="Réglages de la commande",
    result_action="return_value",
)
account = App(name="account", help="Comptes des personnes.", group_commands="Commandes")
imports = App(name="import", help="Reprise de fichiers.", group_commands="Commandes")
app.command(account)
app.command(imports)


@app.command
def up() -> int:
    """Lance tout sur cette machine\u00a0: pages, relais, boîte locale, Prefect."""
    from deployments import up as process
    from services.foundation.settings import Settings

    return process.up(Settings())


@app.command
def web() -> None:
    """Lance les pages et l’API seules."""
    from deployments import serving

    serving.web(_current())


@app.command
def relay() -> None:
    """Lance le relais seul\u00a0: il traite les événements, les échéances et les envois."""
    from deployments import serving

    serving.relay(_current())


@app.command
def migrate() -> None:
    """Met la base de données à la version de ce Relais."""
    from deployments import migrating, publishing
    from services.foundation.runtime import runtime

    database = runtime().database
    if migrating.state(database) == "newer":
        migrating.require_current(database)
    migrating.upgrade(database)
    publishing.publish_default(database)
    _say("La base de données est à jour.")


@app.command
def check_migrations(*, postgres: Annotated[str | None, Parameter(env_var="RELAIS_TEST_POSTGRES_URL")] = None) -> int:
    """Éprouve les migrations sur des bases neuves\u00a0: aller, retour, aller, et comparaison avec les modèles.

    Parameters
    ----------
    postgres
        Serveur PostgreSQL où créer, puis effacer, une base d’essai\u00a0; sans lui, SQLite seul est éprouvé.
    """
    from deployments import migrating

    problems = migrating.check(postgres)
    for problem in problems:
        _complain(problem)
    if not problems:
        _say("Les migrations sont justes" + ("." if postgres else " sur SQLite\u00a0; PostgreSQL n’a pas été éprouvé."))
    return 1 if problems else 0


@app.command
def doctor() -> int:
    """Examine l’installation\u00a0: réglages, base, parcours, travail en attente, courrier."""
    from deployments import diagnosis
    from services.foundation.settings import Settings

    findings = diagnosis.examine(Settings())
    for finding in findings:
        _say(str(finding))
    return 1 if any(finding.is_wrong for finding in findings) else 0


@app.command
def play(*files: Path, folder: Path | None = None, prefect: bool = False) -> int:
    """Joue des histoires, chacune sur une base neuve, et dit ce qui n’arrive pas comme prévu.

    Parameters
    ----------
    files
        Les histoires.
    folder
        Garde la base de chaque histoire dans ce dossier\u00a0; jouée de nouveau, elle reprend où elle s’est arrêtée.
    prefect
        Fait passer les étapes par le Prefect de RELAIS_PREFECT_API_URL.
    """
    from deployments import environment
    from services.foundation.settings import Settings

    environment.set_for_prefect(Settings())
    from deployments import play as player

    return player.main(list(files), folder=folder, prefect=prefect)


@imports.command
def alerts(file: Path, *, options: Annotated[Options, Parameter(name="*")]) -> int:
    """Reprend les alertes d’un fichier CSV, XLSX ou ODS\u00a0; à blanc, sauf avec --commit.

    Parameters
    ----------
    file
        Le fichier reçu du donneur d’alerte.
    """
    from deployments import importing

    return importing.main(_current(), file, options)


@app.command
def demonstrate() -> None:
    """Charge la démonstration dans cette base."""
    from deployments import demonstration, environment

    current = _current()
    environment.set_for_prefect(current.settings)
    demonstration.load(current)


@account.command
def add(
    email: str,
    name: str,
    *,
    role: Literal["coordinator", "operator", "administrator"] = "coordinator",
    organisation: str | None = None,
    programme: str | None = None,
) -> None:
    """Crée un compte, ou donne un rôle de plus à une personne qui en a un. Le mot de passe est demandé.

    Parameters
    ----------
    email
        Adresse avec laquelle la personne se connecte.
    name
        Prénom et nom, tels qu’on les lira.
    role
        coordinator (coordination), operator (visites) ou administrator (logiciel).
    organisation
        Identifiant de son organisation\u00a0; obligatoire pour «\u00a0operator\u00a0».
    programme
        Identifiant du dispositif, s’il y en a plusieurs.
    """
    from deployments import accounts

    accounts.add(
        _current(),
        accounts.Wanted(email, name, role=role, organisation=organisation, programme=programme),
        password=_ask_password(),
    )
    _say("Le compte est prêt.")


@app.command
def openapi() -> None:
    """Écrit la description OpenAPI de l’API."""
    import json
    import tempfile

    from services.foundation.runtime import build
    from services.foundation.settings import Settings
    from services.web.app import create_app

    with tempfile.TemporaryDirectory() as folder:
        description = create_app(build(Settings(data_folder=Path(folder), database_url=None))).openapi()
    _say(json.dumps(description, ensure_ascii=False, indent=2))


def main() -> None:
    """Run a command; a refusal is one sentence and exit code 1, never a traceback."""
    sys.exit(_guarded(app))


def _guarded(command: Callable[[], object]) -> int:
    from pydantic import ValidationError
    from pydantic_settings import SettingsError

    from models.refusals import CaseworkError

    try:
        outcome = command()
    except CaseworkError as refusal:
        return _complain(refusal.sentence)
    except ValidationError as error:
        if error.title != "Settings":
            raise
        names = ", ".join(
            f"RELAIS_{'_'.join(map(str, each['loc'])).upper()} ({each['msg']})" for each in error.errors()
        )
        return _complain(f"Ces réglages ne vont pas\u00a0: {names}.")
    except SettingsError as error:
        return _complain(f"Ce réglage ne va pas\u00a0: {error}.")
    except KeyboardInterrupt:
        return 130
    return outcome if isinstance(outcome, int) else 0


def _current() -> "Runtime":
    """The installation of this environment, its database of this code's version."""
    from deployments import environment, migrating
    from services.foundation.runtime import build
    from services.foundation.settings import Settings

    current = build(environment.located(Settings()))
    migrating.require_current(current.database)
    return current


def _ask_password() -> str:
    from getpass import getpass

    first = getpass("Mot de passe : ") if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")
    if sys.stdin.isatty() and getpass("Une seconde fois : ") != first:
        from services.foundation.errors import InvalidInput

        raise InvalidInput("password", "Les deux mots de passe diffèrent\u00a0: rien n’a été créé.")
    return first


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


def _complain(sentence: str) -> int:
    sys.stderr.write(f"{sentence}\n")
    return 1


if __name__ == "__main__":
    main()
