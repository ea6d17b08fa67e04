"""The database's errors end up in logs and in Prefect: they quote nobody."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from services.foundation.database import Database


def test_the_text_of_an_error_names_no_value_of_the_query(database: Database) -> None:
    with pytest.raises(DBAPIError) as caught, database.write("test") as unit:
        unit.session.execute(text("select id from nowhere where surname = :surname"), {"surname": "Le Goff"})

    assert "nowhere" in str(caught.value)
    assert "Le Goff" not in str(caught.value)
