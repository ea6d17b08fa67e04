"""What narrows the lists, counts and figures of the API: the pages' own filters."""

from datetime import date
from uuid import UUID

from pydantic import BaseModel, Field

from models.vocabulary import Party, Stage
from services.listing import Filters


class Narrowed(BaseModel):
    """What narrows a list, a count or a figure; the names of the page's own filters."""

    stage: Stage | None = Field(None, description="Étape")
    operator_id: UUID | None = Field(None, description="Opérateur")
    commune: str | None = Field(None, max_length=5, description="Commune, par son code INSEE")
    party: Party | None = Field(None, description="Qui est attendu")
    organisation_id: UUID | None = Field(None, description="Structure attendue")
    kind: str | None = Field(None, max_length=40, description="Ce qui est attendu")
    late: bool = Field(False, description="Seulement ce qui est en retard")
    cut: bool = Field(False, description="Seulement celles dont une coupure est annoncée")
    opened_from: date | None = Field(None, description="Ouverte ce jour ou après")
    opened_to: date | None = Field(None, description="Ouverte ce jour ou avant")

    @property
    def filters(self) -> Filters:
        """The same, as the lists take it."""
        return Filters(**self.model_dump(exclude={"page", "after", "limit"}))
