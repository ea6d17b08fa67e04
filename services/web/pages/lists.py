"""What every list of the desk shares: its filters read from the address, its pages."""

from typing import Annotated, Any

from fastapi import Depends, Request
from pydantic import ValidationError

from services.foundation.errors import NotFound
from services.listing import PAGE, Filters, Page


async def asked(request: Request) -> Filters:
    """The filters that the address says; an address that says something else is no page of ours."""
    try:
        return Filters.model_validate(dict(request.query_params))
    except ValidationError:
        raise NotFound from None


Asked = Annotated[Filters, Depends(asked)]


def pages_of(found: Page[Any], asked: Filters, path: str) -> dict[str, Any] | None:
    """Where one is in a list of several pages, and the addresses beside."""
    if found.total <= PAGE:
        return None
    return {
        "here": f"{found.first} à {found.last} sur {found.total}",
        "previous": asked.address(path, page=found.number - 1) if found.number > 1 else None,
        "following": asked.address(path, page=found.number + 1) if found.has_next else None,
    }
