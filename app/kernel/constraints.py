"""Broken database constraints, said as field errors: never the database's own text."""

from __future__ import annotations

import re
from typing import Any

from flask_appbuilder.models.sqla import Base
from sqlalchemy import ForeignKeyConstraint, UniqueConstraint
from sqlalchemy.exc import DataError, DBAPIError, OperationalError

from app.kernel.errors import Conflict, DomainError, Invalid, Unavailable

# Constraint name -> (field, message) for the CHECKs that deserve their own words; features add.
check_messages: dict[str, tuple[str, str]] = {}
# UNIQUEs over what no field holds: only two who write at once break them, and the later one has to look again.
raced: set[str] = set()


def _constraint(name: str) -> Any | None:
    for table in Base.metadata.tables.values():
        for constraint in table.constraints:
            if constraint.name == name:
                return constraint
        for index in table.indexes:
            if index.name == name:
                return index
    return None


def explain(error: DBAPIError) -> DomainError:
    """The domain error for a database error; unknown ones are raised on as they are.

    SQLSTATE classes: 23505 unique, 23503 foreign key, 23514 check, 23502 not null, 22xxx bad data,
    40001/40P01 lost race, 08/57 the server is away.
    """
    original: Any = error.orig
    state = getattr(original, "sqlstate", None) or ""
    diagnostics = getattr(original, "diag", None)
    name = getattr(diagnostics, "constraint_name", None) or ""
    if state == "23505" and name in raced:
        return Conflict()
    if state == "23505":
        found = _constraint(name)
        columns = _user_columns(found) if found is not None else []
        field = columns[-1] if columns else "_"
        return Invalid(errors={field: ["This value is already in use."]})
    if state == "23503":
        found = _constraint(name)
        if "is still referenced" in str(original):
            return Conflict("Other records still refer to this one.")
        columns = _user_columns(found) if found is not None else []
        return Invalid(errors={columns[-1] if columns else "_": ["This record does not exist."]})
    if state == "23514":
        field, message = check_messages.get(name, ("_", "This combination of values is not allowed."))
        return Invalid(errors={field: [message]})
    if state == "23502":
        column = getattr(diagnostics, "column_name", None) or "_"
        return Invalid(errors={column: ["This field is required."]})
    if state.startswith("22") or (not state and isinstance(error, DataError)):
        return Invalid(errors={"_": ["One of the values is too long or out of range."]})
    if state in {"40001", "40P01"}:
        return Conflict()
    if is_away(error):
        return Unavailable()
    raise error


def is_away(error: DBAPIError) -> bool:
    """Whether the database does not answer: gone in the middle of something, or not to be reached at all."""
    state = getattr(error.orig, "sqlstate", None) or ""
    unreachable = isinstance(error, OperationalError) and not state
    return unreachable or error.connection_invalidated or re.match("08|57", state) is not None


def _user_columns(constraint: Any) -> list[str]:
    if isinstance(constraint, UniqueConstraint | ForeignKeyConstraint):
        names = [column.name for column in constraint.columns]
    else:
        # An index on lower(name): the field is the last word of the expression.
        names = [
            getattr(one, "name", None) or (re.findall(r"\w+", str(one)) or ["_"])[-1] for one in constraint.expressions
        ]
    return [name for name in names if name != "organization_id"]
