"""Puts a setting into a database: the programme, its organisations, its people, its communes."""

from collections.abc import Mapping

from deployments.play.story import Setting
from deployments.publishing import DEFAULT, read_pathway
from models.programmes import Programme
from services.foundation.database import UnitOfWork
from services.network import directory
from services.programme import programmes
from services.programme.programmes import KnownCommune, PersonForm


def establish(unit: UnitOfWork, setting: Setting, *, passwords: Mapping[str, str] | None = None) -> Programme:
    """Create everything that steps may name. `passwords` by e-mail address; without one nobody signs in.

    Passwords that are given here are printed: whoever has them enters a demonstration, and no second factor is asked.
    """
    programme = programmes.create_programme(unit, setting.programme, read_pathway(setting.pathway or DEFAULT))
    programme.is_demonstration = bool(passwords)
    known = [
        KnownCommune(place.code, place.name, place.postcodes, place.code[:2])
        for place in (*setting.communes, *setting.neighbours)
    ]
    programmes.add_communes(unit, known)
    programmes.open_territory(unit, programme, [place.code for place in setting.communes], from_on=setting.opened_on)
    for area in setting.areas:
        directory.draw_area(unit, programme.id, area.name, area.communes, from_on=setting.opened_on)
    for organisation in setting.organisations:
        programmes.add_organisation(unit, programme, organisation)
    for person in setting.staff.values():
        password = (passwords or {}).get(person.email)
        form = PersonForm(
            email=person.email,
            name=person.name,
            role=person.role,
            organisation=person.organisation,
            password=password,
        )
        programmes.add_person(unit, programme, form)
    for closed in setting.closures:
        programmes.close_office(
            unit, programme.id, first_on=closed.first_on, last_on=closed.last_on, label=closed.label
        )
    return programme
