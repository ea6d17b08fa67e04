"""The programme in which most tests act: a Slime of Brest."""

from typing import Any

from models.programmes import Programme


def a_programme(pathway_hash: str, **said: Any) -> Programme:
    """It, in no session yet; `said` in the place of what it is by default."""
    usual = {
        "slug": "brest",
        "name": "Slime de Brest",
        "public_name": "Ma maison, mes économies",
        "carrier": "Brest métropole",
        "phone": "+33639980000",
        "email": "coordination@relais.test",
        "postal_address": "24 rue Coat-ar-Guéven, 29200 Brest",
        "city": "Brest",
    }
    return Programme(pathway_hash=pathway_hash, **(usual | said))
