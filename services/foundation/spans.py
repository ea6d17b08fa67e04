"""How long it is between two instants, asked of the database: each has its own way to say so."""

from typing import Any

from sqlalchemy import ColumnElement, Float
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.visitors import InternalTraversal


class days(ColumnElement[float]):  # noqa: N801 - reads as the function that it is
    """Days from one instant to another, with their fraction; negative when the second comes first."""

    __visit_name__ = "days"
    inherit_cache = True
    type = Float()
    _traverse_internals = [  # noqa: RUF012 - what SQLAlchemy copies and compares
        ("start", InternalTraversal.dp_clauseelement),
        ("end", InternalTraversal.dp_clauseelement),
    ]

    def __init__(self, start: ColumnElement[Any], end: ColumnElement[Any]) -> None:
        self.start, self.end = start, end


@compiles(days)
def _of_julian_days(element: days, compiler: SQLCompiler, **kw: Any) -> str:
    start, end = compiler.process(element.start, **kw), compiler.process(element.end, **kw)
    return f"(julianday({end}) - julianday({start}))"


@compiles(days, "postgresql")
def _of_seconds(element: days, compiler: SQLCompiler, **kw: Any) -> str:
    start, end = compiler.process(element.start, **kw), compiler.process(element.end, **kw)
    return f"(CAST(extract(epoch FROM {end} - {start}) AS double precision) / 86400)"
