"""What lists offer to do to many selected records at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app.kernel.crud import store
from app.kernel.crud.fields import BulkAction, Kind, cruds, exists, parse
from app.kernel.errors import Invalid
from app.kernel.i18n import gettext as _
from app.kernel.i18n import lazy_gettext as _l
from app.kernel.ids import parse_id

if TYPE_CHECKING:
    from uuid import UUID

    from app.kernel.actor import Actor


def bulk_actions(kind: str, resource: str, *, tags: bool = True) -> tuple[BulkAction, ...]:
    """What records with an owner offer: owner, tag (where they have tags), delete."""
    actions = [set_action(kind, resource, "owner", _l("Owner"), "user")]
    if tags:
        actions.append(BulkAction("tag", _l("Tag"), "tag", _set(kind, "tags"), ("write", resource), field="tags"))
    return (*actions, delete_action(kind, resource))


def set_action(kind: str, resource: str, name: str, label: Any, icon: str) -> BulkAction:
    """Gives a field of the selected records one value."""
    return BulkAction(name, label, icon, _set(kind, name), ("write", resource), field=name)


def delete_action(kind: str, resource: str) -> BulkAction:
    """Deletes the selected records, after a confirmation."""
    return BulkAction(
        "delete",
        _l("Delete"),
        "trash-2",
        _delete(kind),
        ("write", resource),
        danger=True,
        confirm=_l("Delete the selected records? This cannot be undone."),
    )


def _set(crud_kind: str, name: str) -> Any:
    def run(ids: list[UUID], form: Any, actor: Actor) -> int:
        from_form = form.get("value") or None
        crud = cruds[crud_kind]
        field = crud.field(name)
        assert field is not None
        value: Any = from_form
        if field.is_link and from_form is not None:
            value = parse_id(from_form)
            if not exists(field, value):
                raise Invalid(errors={"value": [_("This record does not exist.")]})
        elif field.kind is Kind.TAGS:
            tag = " ".join(str(from_form or "").split())[:40]
            if not tag:
                raise Invalid(errors={"value": [_("This field is required.")]})
            for record_id in ids:
                tags = store.get(crud, record_id).tags
                if tag not in tags:
                    store.change(crud, record_id, {"tags": [*tags, tag]}, actor=actor, version=None)
            return len(ids)
        elif field.kind is Kind.ENUM and from_form is not None and field.choice(from_form) is None:
            raise Invalid(errors={"value": [_("Choose one of the list.")]})
        elif field.kind is Kind.DATE:
            try:
                value = parse(field, from_form)
            except ValueError as error:
                raise Invalid(errors={"value": [str(error)]}) from None
        for record_id in ids:
            store.change(crud, record_id, {field.name: value}, actor=actor, version=None)
        return len(ids)

    return run


def _delete(crud_kind: str) -> Any:
    def run(ids: list[UUID], _form: Any, actor: Actor) -> int:
        crud = cruds[crud_kind]
        for record_id in ids:
            store.delete(crud, record_id, actor=actor)
        return len(ids)

    return run
