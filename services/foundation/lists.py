"""A list as one parameter: a statement stays the same whatever its length, so that its plan can be kept."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import JSON, Boolean, ColumnElement, Dialect, TypeDecorator, bindparam
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.operators import OperatorType
from sqlalchemy.sql.visitors import InternalTraversal
from sqlalchemy.types import TypeEngine


class _Values(TypeDecorator[Collection[Any]]):
    """Values of one type: an array for PostgreSQL, a text of JSON for SQLite."""

    impl = JSON
    cache_ok = True

    def __init__(self, item: TypeEngine[Any]) -> None:
        super().__init__()
        self.item = item

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(ARRAY(self.item) if dialect.name == "postgresql" else JSON())

    def process_bind_param(self, value: Collection[Any] | None, dialect: Dialect) -> list[Any]:
        bound = None if dialect.name == "postgresql" else self.item.dialect_impl(dialect).bind_processor(dialect)
        return [bound(each) for each in value or ()] if bound else list(value or ())


class among(ColumnElement[bool]):  # noqa: N801 - reads as the operator that it is
    """Whether a column holds one of the values of the list given as the parameter `name`."""

    __visit_name__ = "among"
    inherit_cache = True
    type = Boolean()
    _traverse_internals = [  # noqa: RUF012 - what SQLAlchemy copies and compares
        ("column", InternalTraversal.dp_clauseelement),
        ("values", InternalTraversal.dp_clauseelement),
    ]

    def __init__(self, column: InstrumentedAttribute[Any], name: str) -> None:
        self.column = column.__clause_element__()
        self.values = bindparam(name, type_=_Values(self.column.type))

    def self_group(self, against: OperatorType | None = None) -> ColumnElement[bool]:
        """As it is: SQLAlchemy would compare it with 1 on SQLite, and no index answers that."""
        return self


@compiles(among)
def _from_text(element: among, compiler: SQLCompiler, **kw: Any) -> str:
    column, values = compiler.process(element.column, **kw), compiler.process(element.values, **kw)
    return f"{column} IN (SELECT value FROM json_each({values}))"  # noqa: S608 - of columns and parameters


@compiles(among, "postgresql")
def _from_array(element: among, compiler: SQLCompiler, **kw: Any) -> str:
    return f"{compiler.process(element.column, **kw)} = ANY ({compiler.process(element.values, **kw)})"
