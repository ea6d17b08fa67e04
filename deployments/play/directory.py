"""What the coordination of a story writes in the directory: what a partner offers, where, and that it is right."""

from collections.abc import Callable, Mapping
from typing import Final
from uuid import UUID

from deployments.play.mistakes import closest
from deployments.play.scene import Action, Given, Scene, filled, without
from models.programmes import Organisation, Service
from services.foundation.database import UnitOfWork
from services.foundation.errors import InvalidInput
from services.network import directory, sheets
from services.rules.casework import Hand

OF_SERVICE: Final = ("partner", "service")


def add_service(scene: Scene, given: Given) -> object:
    """A partner offers something more."""
    form = filled(directory.ServiceForm, without(given, "partner"))
    return directory.add_service(scene.unit, scene.hand, scene.organisation(given["partner"]), form)


def change_service(scene: Scene, given: Given) -> object:
    """What is said of it is so from now on; the rest stays."""
    service = _service(scene, given)
    form = filled(directory.ServiceForm, {**_as_said(service), **without(given, *OF_SERVICE)})
    return directory.change_service(scene.unit, scene.hand, service.id, form)


def _as_said(service: Service) -> dict[str, object]:
    area = service.area.name if service.area else ""
    return {**sheets.as_said(service), "area": area}


def set_area(scene: Scene, given: Given) -> object:
    """A zone is drawn, or drawn anew."""
    return directory.set_area(scene.unit, scene.hand, filled(directory.AreaForm, given))


def of_service(act: Callable[[UnitOfWork, Hand, UUID], object]) -> Action:
    """An act on what a partner offers."""
    return lambda scene, given: act(scene.unit, scene.hand, _service(scene, given).id)


def _service(scene: Scene, given: Given) -> Service:
    """The one that is named, or the partner's only one."""
    partner = scene.unit.session.get_one(Organisation, scene.organisation(given["partner"]))
    known = {each.name: each for each in partner.services if each.ended_on is None}
    named = given.get("service") or (next(iter(known)) if len(known) == 1 else "")
    if named not in known:
        raise InvalidInput("service", f"Ce partenaire a pour fiches\u00a0: {', '.join(known)}{closest(named, known)}.")
    return known[named]


DIRECTORY: Final[Mapping[str, Action]] = {
    "add_service": add_service,
    "change_service": change_service,
    "verify_service": of_service(directory.verify_service),
    "end_service": of_service(directory.end_service),
    "set_area": set_area,
}
