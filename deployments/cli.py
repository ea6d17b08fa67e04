"""The command line: `relais COMMAND`. Each command imports what it needs when it runs, so that `--help` is quick."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import App, CoercionError, CycloptsError, MissingArgumentError, Parameter, UnknownCommandError
from cyclopts.exceptions import UnknownOptionError

from deployments.importing import Options
from deployments.importing_cases import CaseOptions

if TYPE_CHECKING:
    from services.foundation.runtime import Runtime


def in_french(error: CycloptsError) -> str:
    """What is wrong in a command line that could not be read, and which page of help says how to write it."""
    match error:
        case UnknownCommandError(unused_tokens=[word, *_]):
            wrong = f"«\u00a0{word}\u00a0» n’est pas une commande de Relais."
        case UnknownOptionError(token=token):
            wrong = f"«\u00a0{token.keyword or token.value}\u00a0» n’est pas une option de cette commande."
        case MissingArgumentError(argument=argument) if argument is not None:
            wrong = f"Il manque {argument.name}."
        case CoercionError(token=token, argument=argument) if token is not None and argument is not None:
            wrong = f"«\u00a0{token.value}\u00a0» ne convient pas pour {token.keyword or argument.name}."
        case _:
            wrong = "Cette commande ne se comprend pas."
    line = " ".join(["relais", *(error.command_chain or ())])
    return f"{wrong} Voyez «\u00a0{line} --help\u00a0»."


app = App(
    name="relais",
    help="Relais\u00a0: le suivi des situations d’un Slime, de la demande de visite au dernier appel.",
    version_flags=[],
    group_commands="Commandes",
    group_parameters="Réglages de la commande",
    result_action="return_value",
    error_formatter=in_french,
)
account = App(name="account", help="Comptes des personnes.", group_commands="Commandes")
imports = App(name="import", help="Reprise de fichiers.", group_commands="Commandes")
pathway = App(name="pathway", help="Parcours\u00a0: qui fait quoi, avant quand.", group_commands="Commandes")
events = App(name="events", help="Événements que le relais a mis de côté.", group_commands="Commandes")
mails = App(name="messages", help="Messages refusés ou à vérifier.", group_commands="Commandes")
webhooks = App(name="webhooks", help="Logiciels que Relais prévient de ce qui arrive.", group_commands="Commandes")
app.command(account)
app.command(events)
app.command(mails)
app.command(webhooks)
app.command(pathway)
app.command(imports)


@app.command
def up() -> int:
    """Lance tout sur cette machine\u00a0: pages, relais, boîte locale, Prefect."""
    from deployments import up as process
    from services.foundation.settings import Settings

    return process.up(Settings())


@app.command
def web(*, prepare: bool = False) -> int:
    """Lance les pages et l’API seules.

    Parameters
    ----------
    prepare
        Met d’abord la base de données à la version de ce Relais\u00a0; le code de sortie est 78 si elle s’y refuse.
    """
    import gc

    gc.disable()  # until all is imported, see `serving.web`: a tenth of the start went to looking for rubbish
    from deployments import serving

    if not prepare:
        serving.web(_current())
        return 0
    from deployments import preparing
    from deployments.supervisor import REFUSED
    from services.foundation.errors import Setup

    current = _located()
    try:
        preparing.prepare(current.database)
    except Setup as refusal:
        _complain(refusal.sentence)
        return REFUSED
    serving.web(current)
    return 0


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
def play(*files: Path, folder: Path | None = None, prefect: bool = False, vocabulary: bool = False) -> int:
    """Joue des histoires, chacune sur une base neuve, et dit ce qui n’arrive pas comme prévu.

    Parameters
    ----------
    files
        Les histoires.
    folder
        Garde la base de chaque histoire dans ce dossier\u00a0; jouée de nouveau, elle reprend où elle s’est arrêtée.
    prefect
        Fait passer les étapes par le Prefect de RELAIS_PREFECT_API_URL.
    vocabulary
        Dit tout ce qu’une histoire peut dire et attendre, au lieu d’en jouer.
    """
    if vocabulary:
        from deployments.play.vocabulary import lines

        sys.stdout.write("".join(f"{line}\n" for line in lines()))
        return 0
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


@imports.command
def cases(file: Path, *, options: Annotated[CaseOptions | None, Parameter(name="*")] = None) -> int:
    """Reprend les situations en cours d’un tableur (CSV, XLSX ou ODS)\u00a0; à blanc, sauf avec --commit.

    Parameters
    ----------
    file
        Le tableur de la coordination\u00a0: étape, dates passées, opérateur, prochaine date.
    """
    from deployments import importing_cases

    return importing_cases.main(_current(), file, options or CaseOptions())


@app.command
def demonstrate(*, if_empty: bool = False) -> None:
    """Charge la démonstration dans cette base.

    Parameters
    ----------
    if_empty
        Ne fait rien si la base contient déjà autre chose qu’une démonstration inachevée.
    """
    from deployments import demonstration, environment

    current = _current()
    if if_empty:
        with current.database.read() as unit:
            wanted = demonstration.wanted(unit)
        if not wanted:
            demonstration.remind(current)
            return
    environment.set_for_prefect(current.settings)
    demonstration.load(current)


@app.command
def generate(
    *, size: Literal["S", "M", "L", "XL"] = "M", years: int = 5, seed: int = 1, cases: int | None = None
) -> None:
    """Remplit une base vide, ou celle de la démonstration, d’un passé inventé\u00a0; rien n’en est envoyé.

    Parameters
    ----------
    size
        Visites par an\u00a0: 50 (S), 200 (M), 1000 (L) ou 2000 (XL).
    years
        Nombre d’années, jusqu’à aujourd’hui.
    seed
        La même graine donne la même population.
    cases
        Nombre de situations en tout, au lieu de ce que dit la taille.
    """
    from deployments.population import command

    command.main(_current(), command.Options(size, years, seed, cases))


Email = Annotated[str, Parameter(help="Adresse avec laquelle la personne se connecte.")]
Name = Annotated[str, Parameter(help="Prénom et nom, tels qu’on les lira.")]
RoleGiven = Annotated[
    Literal["coordinator", "operator", "administrator"],
    Parameter(help="coordinator (coordination), operator (visites) ou administrator (logiciel)."),
]
OfOrganisation = Annotated[
    str | None,
    Parameter(help="Identifiant de son organisation\u00a0; obligatoire pour «\u00a0operator\u00a0»."),
]
OfProgramme = Annotated[str | None, Parameter(help="Identifiant du dispositif, s’il y en a plusieurs.")]
PathwayFile = Annotated[Path, Parameter(help="Le parcours, en YAML.")]
Why = Annotated[str, Parameter(help="Pourquoi\u00a0; gardé dans le journal.")]


@account.command
def add(
    email: Email,
    name: Name,
    *,
    role: RoleGiven = "coordinator",
    organisation: OfOrganisation = None,
    programme: OfProgramme = None,
) -> None:
    """Crée un compte, ou donne un rôle de plus à une personne qui en a un. Le mot de passe est demandé."""
    from deployments import accounts

    accounts.add(
        _current(),
        accounts.Wanted(email, name, role=role, organisation=organisation, programme=programme),
        password=_ask_password(),
    )
    _say("Le compte est prêt.")


@account.command
def invite(
    email: Email,
    name: Name,
    *,
    role: RoleGiven = "coordinator",
    organisation: OfOrganisation = None,
    programme: OfProgramme = None,
) -> None:
    """Invite une personne\u00a0: elle reçoit un message et choisit elle-même comment elle entre."""
    from deployments import accounts

    wanted = accounts.Wanted(email, name, role=role, organisation=organisation, programme=programme)
    accounts.invite(_current(), wanted)
    _say("L’invitation part.")


@account.command
def forget_telephone(email: str, *, reason: Why) -> None:
    """Oublie le téléphone d’une personne\u00a0: sa prochaine connexion, par mot de passe, en demandera un autre.

    Parameters
    ----------
    email
        Adresse de son compte.
    """
    from deployments import accounts

    accounts.forget_telephone(_current(), email, reason)
    _say("C’est fait.")


@pathway.command
def check(file: PathwayFile) -> int:
    """Relit un parcours\u00a0: chaque faute avec son fichier et sa ligne."""
    from deployments import pathway_commands

    return pathway_commands.check(file)


@pathway.command
def diff(file: PathwayFile, *, programme: OfProgramme = None) -> int:
    """Dit ce qu’un parcours changerait à celui qui est en vigueur."""
    from deployments import pathway_commands

    return pathway_commands.diff(_current(), file, programme)


@pathway.command
def publish(
    file: PathwayFile,
    *,
    programme: OfProgramme = None,
    yes: Annotated[bool, Parameter(negative=())] = False,
    move_open: Annotated[bool, Parameter(negative=())] = False,
) -> int:
    """Met un parcours en vigueur, après avoir dit ce qu’il change et pour quelles situations.

    Parameters
    ----------
    yes
        Publie sans poser de question\u00a0; sans lui et sans clavier, tout reste comme avant.
    move_open
        Les situations ouvertes changent aussi de parcours\u00a0: dates et relances sont recalculées.
    """
    from deployments import pathway_commands

    ask = _ask_yes if sys.stdin.isatty() else None
    wanted = pathway_commands.Publication(programme, yes=yes, move_open=move_open, ask=ask)
    return pathway_commands.publish(_current(), file, wanted)


@pathway.command
def diagram(file: PathwayFile) -> int:
    """Dessine un parcours\u00a0: du Markdown avec un schéma Mermaid par étape et le tableau des tâches."""
    from deployments import pathway_commands

    return pathway_commands.diagram(file)


@events.command
def parked(*, programme: OfProgramme = None) -> None:
    """Montre les événements mis de côté après leurs essais."""
    from deployments import remedies

    remedies.show_events(_current(), programme=programme)


@events.command
def retry(event: int, *, reason: Why, programme: OfProgramme = None) -> None:
    """Donne de nouveaux essais à un événement mis de côté.

    Parameters
    ----------
    event
        Son numéro, tel que «\u00a0relais events parked\u00a0» le montre.
    """
    from deployments import remedies

    remedies.try_again(_current(), event, reason, programme=programme)
    _say("L’événement est à traiter de nouveau.")


@mails.command(name="troubled")
def troubled_messages(*, programme: OfProgramme = None) -> None:
    """Montre les messages refusés, et ceux dont personne ne sait s’ils sont partis."""
    from deployments import remedies

    remedies.show_messages(_current(), programme=programme)


@mails.command(name="resend")
def resend_message(message: str, *, reason: Why, programme: OfProgramme = None) -> None:
    """Renvoie un message refusé.

    Parameters
    ----------
    message
        Son identifiant, tel que «\u00a0relais messages troubled\u00a0» le montre.
    """
    from deployments import remedies

    remedies.send_again(_current(), message, reason, programme=programme)
    _say("Le message repart.")


@webhooks.command(name="list")
def list_webhooks(*, programme: OfProgramme = None) -> None:
    """Montre les logiciels prévenus, et combien d’événements ils ont reçus ou manqués."""
    from deployments import remedies

    remedies.show_webhooks(_current(), programme=programme)


@webhooks.command(name="replay")
def replay_webhooks(webhook: str, since: str, until: str, *, reason: Why, programme: OfProgramme = None) -> None:
    """Renvoie à un logiciel les événements d’une période, la fin exclue.

    Parameters
    ----------
    webhook
        Son identifiant, tel que «\u00a0relais webhooks list\u00a0» le montre.
    since
        Premier jour (AAAA-MM-JJ), ou instant avec son fuseau.
    until
        Jour ou instant de fin, exclu.
    """
    from deployments import remedies

    period = remedies.Period(since, until)
    count = remedies.replay(_current(), webhook, period, reason, programme=programme)
    _say(f"Événements à renvoyer\u00a0: {count}.")


@app.command
def sms(number: str, text: str) -> None:
    """Fait comme si un ménage répondait par SMS, pour essayer sans fournisseur."""
    from services.correspondence.incoming_sms import ReceivedSms, receive
    from services.foundation.tokens import new_token

    runtime = _current()
    with runtime.database.write("sms_tried") as unit:
        receive(unit, ReceivedSms(sender=number, text=text, reference=new_token()))
    _say("Le SMS est reçu.")


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
    sys.exit(guarded(app))


def guarded(command: Callable[[], object]) -> int:
    from pydantic import ValidationError
    from pydantic_settings import SettingsError

    from models.refusals import CaseworkError
    from services.foundation.errors import NotFound

    try:
        outcome = command()
    except NotFound:  # whose own sentence is about a page
        return _complain("Rien ne porte cet identifiant ici.")
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
    from deployments import migrating

    current = _located()
    migrating.require_current(current.database)
    return current


def _located() -> "Runtime":
    from deployments import environment
    from services.foundation.runtime import build
    from services.foundation.settings import Settings

    return build(environment.located(Settings()))


def _ask_password() -> str:
    from getpass import getpass

    first = getpass("Mot de passe : ") if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")
    if sys.stdin.isatty() and getpass("Une seconde fois : ") != first:
        from services.foundation.errors import InvalidInput

        raise InvalidInput("password", "Les deux mots de passe diffèrent\u00a0: rien n’a été créé.")
    return first


def _ask_yes(question: str) -> bool:
    return input(f"{question} [o/N] ").strip().lower() in {"o", "oui"}


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


def _complain(sentence: str) -> int:
    sys.stderr.write(f"{sentence}\n")
    return 1


if __name__ == "__main__":
    main()
