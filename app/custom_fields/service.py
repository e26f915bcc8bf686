"""Adding, changing, ordering and archiving the fields of an organization's own. Nothing is ever deleted."""

from __future__ import annotations

import re
import secrets
import unicodedata
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

from app.custom_fields import queries
from app.custom_fields.models import CustomField
from app.kernel import tenant, valkey
from app.kernel.crud import custom
from app.kernel.crud.custom import WITH_CHOICES, FieldType
from app.kernel.crud.fields import Crud, storable
from app.kernel.db import advisory_lock, db
from app.kernel.errors import Conflict, Invalid, NotFound
from app.kernel.i18n import gettext as _
from app.kernel.ids import new_token
from app.kernel.uow import after_commit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.kernel.actor import Actor

MAX_FIELDS = 40
# With those that are archived: labels of old values stay known.
MAX_EVER = 120
MAX_CHOICES = 60
MAX_LABEL = 60
MAX_HELP = 200


class ChoiceInput(NamedTuple):
    """A choice as it was given; ``id`` None for a new one."""

    label: str
    id: str | None = None
    archived: bool = False


def create_field(
    kind: str,
    label: str,
    type: str,
    *,
    actor: Actor,
    choices: Sequence[ChoiceInput] = (),
    required: bool = False,
    help: str = "",
) -> CustomField:
    """Adds a field at the end; its key is made of the label and stays. Amounts are in the organization's currency.

    Raises Invalid for bad values, Conflict beyond MAX_FIELDS.
    """
    crud = _begin(kind, actor)
    known = queries.list_fields(kind)
    if sum(1 for one in known if not one.archived) >= MAX_FIELDS or len(known) >= MAX_EVER:
        raise Conflict(_("There are at most %(count)s fields: archive one first.", count=MAX_FIELDS))
    field = CustomField(kind=crud.kind, position=max((one.position for one in known), default=-1) + 1)
    _fill(field, known, label=label, type=type, choices=choices, required=required, help=help, actor=actor)
    field.key = _free_key(field.label, {one.key for one in known})
    db.session.add(field)
    return _done(field)


def update_field(
    field_id: UUID,
    *,
    actor: Actor,
    label: str,
    type: str | None = None,
    choices: Sequence[ChoiceInput] = (),
    required: bool = False,
    help: str = "",
    version: int | None = None,
) -> CustomField:
    """Changes a field; choices that are no longer named are archived, so that records keep them.

    Raises Invalid for bad values, Conflict for a stale ``version`` and for another type once records have values:
    what was written as a text is no amount.
    """
    field = queries.get_field(field_id)
    crud = _begin(field.kind, actor)
    if version is not None and version != field.version:
        raise Conflict(details={"version": field.version})
    known = [one for one in queries.list_fields(field.kind) if one.id != field.id]
    if type not in {None, field.type}:
        if queries.has_values(crud, field.id):
            raise Conflict(_("Records have values of this field already, which would be none of another type: "
                             "archive it and add a new one."))  # fmt: skip
        field = _replace(field)
    _fill(field, known, label=label, type=type or field.type, choices=choices, required=required, help=help,
          actor=actor)  # fmt: skip
    return _done(field)


def set_archived(field_id: UUID, archived: bool, *, actor: Actor) -> CustomField:
    """Takes a field out of forms, lists and filters, or back into them. Values stay.

    Raises Conflict beyond MAX_FIELDS, Invalid where another one has the label meanwhile.
    """
    field = queries.get_field(field_id)
    _begin(field.kind, actor)
    known = [one for one in queries.list_fields(field.kind) if one.id != field.id and not one.archived]
    if not archived:
        if len(known) >= MAX_FIELDS:
            raise Conflict(_("There are at most %(count)s fields: archive one first.", count=MAX_FIELDS))
        if field.label.lower() in {one.label.lower() for one in known}:
            raise Conflict(_("Another field has this name now: rename it first."))
    field.archived = archived
    return _done(field)


def order_fields(kind: str, ids: Sequence[UUID], *, actor: Actor) -> None:
    """Puts the fields of a kind into the order of ``ids``; those that are not named come after them.

    Raises NotFound for an unknown one.
    """
    _begin(kind, actor)
    places = {one: place for place, one in enumerate(ids)}
    known = queries.list_fields(kind)
    if places.keys() - {one.id for one in known}:
        raise NotFound
    for place, field in enumerate(sorted(known, key=lambda one: (places.get(one.id, len(ids)), one.position))):
        if field.position != place:
            field.position = place
    db.session.flush()
    _tell()


def _begin(kind: str, actor: Actor) -> Crud:
    crud = queries.get_kind(kind)
    actor.require(*crud.custom_by)
    advisory_lock(f"custom-fields:{kind}")
    return crud


def _done(field: CustomField) -> CustomField:
    db.session.flush()
    _tell()
    return field


def _tell() -> None:
    """Every process reads the definitions again: this unit of work at once, the others when it is committed."""
    scope = tenant.current()
    scope.info["custom_fields_changed"] = True
    custom.forget()
    key = queries.version_key(tenant.current_organization_id())
    after_commit(lambda: valkey.connection().set(key, new_token(9)), key=key)


def _replace(field: CustomField) -> CustomField:
    """The same field under another id: an id never changes its type, whatever is remembered or written meanwhile."""
    new = CustomField(kind=field.kind, key=field.key, position=field.position, archived=field.archived)
    db.session.delete(field)
    db.session.flush()
    db.session.add(new)
    return new


def _fill(
    field: CustomField,
    others: Sequence[CustomField],
    *,
    label: str,
    type: str,
    choices: Sequence[ChoiceInput],
    required: bool,
    help: str,
    actor: Actor,
) -> None:
    label, help = " ".join(label.split()), " ".join(help.split())
    errors: dict[str, list[str]] = {}
    if not storable(label) or not 1 <= len(label) <= MAX_LABEL:
        errors["label"] = [_("Write a name of at most %(count)s characters.", count=MAX_LABEL)]
    elif not field.archived and label.lower() in {one.label.lower() for one in others if not one.archived}:
        errors["label"] = [_("This value is already in use.")]
    if not storable(help) or len(help) > MAX_HELP:
        errors["help"] = [_("At most %(count)s characters.", count=MAX_HELP)]
    if type not in set(FieldType):
        errors["type"] = [_("Choose one of the list.")]
    made, problem = _choices(field.choices or [], choices) if type in WITH_CHOICES else ([], "")
    if problem:
        errors["choices"] = [problem]
    if errors:
        raise Invalid(errors=errors)
    field.label, field.type, field.required, field.help = label, type, required, help
    field.choices = made
    field.currency = (field.currency or actor.currency) if type == FieldType.MONEY else None


def _choices(known: Sequence[dict[str, Any]], given: Sequence[ChoiceInput]) -> tuple[list[dict[str, Any]], str]:
    """The choices with their ids, and what is wrong with them. Those that are not given any more are archived."""
    ids = {one["id"] for one in known}
    made: list[dict[str, Any]] = []
    for one in given:
        label = " ".join(one.label.split())
        if not storable(label) or len(label) > MAX_LABEL:
            return [], _("Write a name of at most %(count)s characters.", count=MAX_LABEL)
        if one.id is not None and one.id not in ids:
            return [], _("Choose one of the list.")
        if label:
            made.append({"id": one.id or secrets.token_hex(4), "label": label, "archived": one.archived})
    named = {one["id"] for one in made}
    made += [{**one, "archived": True} for one in known if one["id"] not in named]
    labels = [one["label"].lower() for one in made if not one["archived"]]
    if not labels:
        return [], _("Name at least one choice.")
    if len(labels) != len(set(labels)):
        return [], _("Two choices have the same name.")
    if len(labels) > MAX_CHOICES or len(made) > 2 * MAX_CHOICES:
        return [], _("At most %(count)s choices.", count=MAX_CHOICES)
    return made, ""


def _free_key(label: str, taken: set[str]) -> str:
    """``Budget stimato`` → ``budget_stimato``."""
    plain = unicodedata.normalize("NFKD", re.sub("[’‘`]", " ", label)).encode("ascii", "ignore").decode().lower()
    base = re.sub(r"[^a-z0-9]+", "_", plain).strip("_")[:36].rstrip("_")
    if not base or not base[0].isalpha():
        base = f"field_{base}".rstrip("_")
    number = 1
    while (key := base if number == 1 else f"{base}_{number}") in taken:
        number += 1
    return key
