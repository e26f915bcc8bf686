"""Generated screens on Flask-AppBuilder's ModelView: list, show, add, edit, delete, bulk, export."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from uuid import UUID

from flask import Response, flash, make_response, redirect, request
from flask_appbuilder import ModelView, expose, has_access
from flask_appbuilder.models.sqla.interface import SQLAInterface
from sqlalchemy import select

from app.kernel import http
from app.kernel.audit import AuditLog
from app.kernel.crud import cells, export
from app.kernel.crud.fields import Crud, Field, Kind, target_model
from app.kernel.crud.forms import make_form
from app.kernel.crud.listing import list_context
from app.kernel.crud.params import ListParams, read_state
from app.kernel.crud.query import count_rows, find_ids, list_fields
from app.kernel.crud.store import change, create, delete, load
from app.kernel.crud.totals import list_totals
from app.kernel.db import db, scope_criterion
from app.kernel.errors import BadRequest, Conflict, DomainError, Forbidden
from app.kernel.i18n import gettext as _
from app.kernel.i18n import ngettext
from app.kernel.ids import parse_id
from app.kernel.uow import uow

if TYPE_CHECKING:
    from collections.abc import Mapping


BULK_LIMIT = 1000
HISTORY_LIMIT = 100

# Saved views, told by their feature: (crud, actor, args) -> (preset, context for the tabs).
_views_provider: list[Callable[[Crud, Any, Any], tuple[Mapping[str, Any], dict[str, Any]]]] = []


# Exports in the background, told by their feature: (crud, params, format, actor=actor) -> the export's page.
_background: list[Callable[..., str]] = []


def export_with(starter: Callable[..., str]) -> None:
    """Sets who makes the exports of long lists."""
    _background[:] = [starter]


def provide_views(provider: Callable[[Crud, Any, Any], tuple[Mapping[str, Any], dict[str, Any]]]) -> None:
    """Sets where the tabs of saved views come from."""
    _views_provider[:] = [provider]


def list_state(crud: Crud) -> tuple[ListParams, Mapping[str, Any], dict[str, Any]]:
    """A list's state from the request's address and the active saved view, that view's preset, and the tabs."""
    preset, tabs = _views_provider[0](crud, http.actor(), request.args)
    return read_state(request.args, crud, preset), preset, tabs


class TenantInterface(SQLAInterface):  # type: ignore[misc]
    """FAB's data interface over a tenant table, for what FAB itself asks of a model."""

    def __init__(self, model: type[Any]) -> None:
        super().__init__(model, db.session)


READ = {"list": "read", "show": "read", "export": "read", "lookup": "read", "root": "read"}
WRITE = {"add": "write", "edit": "write", "delete": "write", "bulk": "read"}


class TenantView(ModelView):  # type: ignore[misc]
    """Base of generated screens; a subclass sets ``crud`` (use make_view)."""

    crud: Crud
    method_permission_name = {**READ, **WRITE}
    include_route_methods = {"list", "root", "show", "add", "edit", "delete", "bulk", "export"}
    list_template = "crud/list.html"
    form_template = "crud/form.html"
    default_view = "root"

    def _init_forms(self) -> None:
        self.add_form = self.edit_form = make_form(self.crud)

    def _init_properties(self) -> None:
        self.search_columns: list[str] = [self.crud.label_field]
        self.list_columns: list[str] = [self.crud.label_field]
        super()._init_properties()

    # ── list ─────────────────────────────────────────────────────────────────────────────────────

    @expose("/")
    @has_access
    def root(self) -> Response:
        """The list, at the entity's own address."""
        return self._list_response()

    @expose("/list/")
    @has_access
    def list(self) -> Response:
        """The list, at the address that FAB gives it."""
        return self._list_response()

    def _list_response(self) -> Response:
        crud, actor = self.crud, http.actor()
        params, preset, tabs = self._params()
        if request.args.get("fragment") == "totals":
            fields = list_fields(crud, params)
            totals = list_totals(crud, params, actor, fields)
            return make_response(self.render_template("crud/_totals.html", crud=crud, fields=fields, totals=totals))
        return make_response(
            self.render_template(
                self.list_template, **list_context(crud, params, preset, tabs, actor), **self.list_extra()
            )
        )

    def list_extra(self) -> dict[str, Any]:
        """What a subclass adds to the list's page."""
        return {}

    def _params(self) -> tuple[ListParams, Mapping[str, Any], dict[str, Any]]:
        """The list's state from the address and the active saved view, that view's preset, and the tabs."""
        return list_state(self.crud)

    @expose("/export/<fmt>", methods=["GET", "POST"])
    @has_access
    def export(self, fmt: str) -> Response:
        """What the list shows, all pages of it, as CSV or XLSX; a POST makes it in the background."""
        crud, actor = self.crud, http.actor()
        actor.require("export", crud.resource)
        params, _preset, _tabs = self._params()
        if fmt not in export.FORMATS:
            raise BadRequest(_("Choose CSV or XLSX."))
        if request.method == "POST":
            with uow():
                address = _background[0](crud, params, fmt, actor=actor)
            return redirect(address, 303)  # type: ignore[return-value]
        if count_rows(crud, params, actor, export.INLINE + 1) > export.INLINE:
            raise Conflict(_("A list this long is exported in the background: use the list's own button."))
        with uow():
            response, count = export.respond(crud, params, actor, fmt)
            export.note(crud, count, fmt)
        return response

    # ── one record ───────────────────────────────────────────────────────────────────────────────

    @expose("/show/<pk>")
    @has_access
    def show(self, pk: str) -> Response:
        """The record's page."""
        crud, actor = self.crud, http.actor()
        row = load(crud, parse_id(pk))
        events = history(crud.kind, row["id"]) if actor.can("read", crud.resource) else []
        context = {
            "crud": crud,
            "row": row,
            "values": row,
            "may_write": actor.can("write", crud.resource) and _covered(actor, crud, row),
            "history": events,
            "history_names": history_names(crud, events),
            "cell": cells.cell,
            **self.show_context(row),
        }
        return make_response(self.render_template(crud.show_template, **context))

    def show_context(self, _row: dict[str, Any]) -> dict[str, Any]:
        """What a subclass adds to the record's page."""
        return {}

    @expose("/add", methods=["GET", "POST"])
    @has_access
    def add(self) -> Response:
        """The form of a new record."""
        crud, actor = self.crud, http.actor()
        actor.require("write", crud.resource)
        form = self._new_form()
        if request.method == "GET":
            self._prefill(form)
            return self._form(form, None)
        if not form.validate():
            return self._form(form, None, status=422)
        try:
            with uow():
                created = create(crud, _values(form), actor=actor)
        except DomainError as error:
            return self._form(form, None, status=error.status, error=error)
        flash(_("“%(name)s” created.", name=created.label), "success")
        if request.form.get("again"):
            return redirect(f"{crud.url}/add")  # type: ignore[return-value]
        return redirect(f"{crud.url}/show/{created.id}")  # type: ignore[return-value]

    def _new_form(self) -> Any:
        """The form, with the fields that the organization has just now."""
        return (make_form(self.crud) if self.crud.custom else self.add_form)()

    def _prefill(self, form: Any) -> None:
        actor = http.actor()
        for field in form:
            spec = getattr(field, "spec", None)
            if spec is None:
                continue
            if spec.key in request.args:
                field.process_formdata([request.args[spec.key]])
                field.value = request.args[spec.key] if spec.is_link else field.value
            elif spec.name == "owner_id" and actor.member_id is not None:
                field.process_data(actor.member_id)
            elif spec.kind is Kind.BOOL:
                # An unticked box says no, so the form starts from the column's own default.
                default = self.crud.model.__table__.c[spec.name].default
                field.process_data(bool(default is not None and default.is_scalar and default.arg))

    @expose("/edit/<pk>", methods=["GET", "POST"])
    @has_access
    def edit(self, pk: str) -> Response:
        """The form of a record. A stale version answers 409 and shows what the other wrote."""
        crud, actor = self.crud, http.actor()
        row = load(crud, parse_id(pk))
        if not _covered(actor, crud, row):
            raise Forbidden
        form = self._new_form()
        if request.method == "GET":
            for field in form:
                spec = getattr(field, "spec", None)
                if spec is not None:
                    field.process_data(row[spec.name])
            form.version.data = row["version"]
            return self._form(form, row)
        if not form.validate():
            return self._form(form, row, status=422)
        version = _whole(form.version.data)
        if version is None:
            raise BadRequest
        try:
            with uow():
                change(crud, row["id"], _values(form), actor=actor, version=version)
        except Conflict as error:
            db.session.expire_all()
            return self._form(form, load(crud, row["id"]), status=409, error=error)
        except DomainError as error:
            return self._form(form, row, status=error.status, error=error)
        flash(_("Changes saved."), "success")
        return redirect(f"{crud.url}/show/{row['id']}")  # type: ignore[return-value]

    def _form(
        self, form: Any, row: dict[str, Any] | None, status: int = 200, error: DomainError | None = None
    ) -> Response:
        conflict = None
        if error is not None:
            for key, messages in error.errors.items():
                target = getattr(form, key, None)
                if target is not None and hasattr(target, "spec"):
                    target.errors = [_(one) for one in messages]
            # Another version was stored meanwhile; other refusals of the same status are told in their own words.
            if status == 409 and row is not None and row["version"] != _whole(form.version.data):
                conflict = _differences(form, row)
                form.version.data = row["version"]
        return make_response(
            self.render_template(
                self.form_template,
                crud=self.crud,
                form=form,
                row=row,
                sections=_sections(self.crud, form),
                error=error,
                conflict=conflict,
                cell=cells.cell,
            ),
            status,
        )

    @expose("/delete/<pk>", methods=["POST"])
    @has_access
    def delete(self, pk: str) -> Response:
        """Deletes a record; back to the list, which says so."""
        crud, actor = self.crud, http.actor()
        with uow():
            name = delete(crud, parse_id(pk), actor=actor)
        if http.wants_json():
            return http.json_response({"message": _("“%(name)s” deleted.", name=name)})
        flash(_("“%(name)s” deleted.", name=name), "success")
        return redirect(crud.list_url)  # type: ignore[return-value]

    @expose("/bulk", methods=["POST"])
    @has_access
    def bulk(self) -> Response:
        """An action on the selected rows; unknown ids, and rows out of reach, are left out."""
        crud, actor = self.crud, http.actor()
        name = request.form.get("action", "")
        action = next((one for one in crud.bulk if one.name == name), None)
        if action is None:
            raise BadRequest(_("Unknown action."))
        actor.require(*action.permission)
        if request.form.get("all") == "1":
            # All rows of the list: of the active view too, whose filters the address does not repeat.
            params, _preset, _tabs = self._params()
            ids = find_ids(crud, params, actor, BULK_LIMIT)
        else:
            ids = [parse_id(one) for one in request.form.getlist("rowid")[:BULK_LIMIT]]
        allowed = _reachable(actor, crud, action.permission[0], ids)
        with uow():
            done = action.run(allowed, request.form, actor)
        message = ngettext("%(num)s record changed.", "%(num)s records changed.", done)
        if len(allowed) < len(ids):
            skipped = len(ids) - len(allowed)
            message += " " + ngettext("%(num)s left out.", "%(num)s left out.", skipped)
        flash(message, "success")
        back = request.form.get("back", "")
        # Another layout of the same records, which says where it is; nowhere else.
        return redirect(back if back.startswith(f"{crud.url}/") else _back(crud.list_url))  # type: ignore[return-value]


def _back(url: str) -> str:
    query = request.query_string.decode()
    return url + (f"?{query}" if query else "")


def _values(form: Any) -> dict[str, Any]:
    return {field.spec.name: field.value for field in form if hasattr(field, "spec")}


def _sections(crud: Crud, form: Any) -> list[tuple[str, list[Any]]]:
    found: dict[str, list[Any]] = {}
    for field in crud.form_fields:
        control = getattr(form, field.key, None)
        if control is not None:
            found.setdefault(str(field.section or ""), []).append(control)
    return list(found.items())


def _differences(form: Any, row: dict[str, Any]) -> list[tuple[Field, dict[str, Any]]]:
    """Fields where what was typed differs from what is stored now, each with a row that holds what was typed."""
    controls = [one for one in form if hasattr(one, "spec") and one.value != row[one.spec.name]]
    typed = row | {one.spec.name: one.value for one in controls}
    typed |= {f"{one.spec.name}__name": one.linked_name() for one in controls if one.spec.is_link}
    return [(one.spec, typed) for one in controls]


def _covered(actor: Any, crud: Crud, row: dict[str, Any]) -> bool:
    scope = actor.scope("write", crud.resource)
    return scope is not None and ("owner_id" not in row or actor.covers(scope, row["owner_id"]))


def _reachable(actor: Any, crud: Crud, verb: str, ids: list[UUID]) -> list[UUID]:
    statement = select(crud.model.id).where(crud.model.id.in_(ids))
    criterion = scope_criterion(actor, verb, crud.model)
    if criterion is not None:
        statement = statement.where(criterion)
    return list(db.session.scalars(statement))


def history(kind: str, record_id: UUID) -> list[AuditLog]:
    """The newest audit rows of a record."""
    return list(
        db.session.scalars(
            select(AuditLog)
            .where(AuditLog.entity == kind, AuditLog.entity_id == str(record_id))
            .order_by(AuditLog.seq.desc())
            .limit(HISTORY_LIMIT)
        )
    )


def history_names(crud: Crud, events: list[AuditLog]) -> dict[str, str]:
    """What the records are called that ``events`` refer to: id -> name, of those that the actor may see."""
    found: dict[str, str] = {}
    wanted: dict[Any, set[str]] = {}
    for field in [one for one in crud.every_field if one.is_link]:
        ids = {one for event in events for one in event.changes.get(field.name, ()) if one is not None}
        wanted.setdefault(target_model(field), set()).update(ids)
    for (model, label), ids in wanted.items():
        if ids:
            rows = db.session.execute(select(model.id, label).where(model.id.in_(map(parse_id, ids))))
            found |= {str(record_id): name for record_id, name in rows}
    return found


def make_view(crud: Crud, base: type[TenantView] = TenantView, **members: Any) -> type[TenantView]:
    """The FAB view of an entity, at its address, under its permission."""
    return type(
        f"{crud.model.__name__}View",
        (base,),
        {
            "crud": crud,
            "datamodel": TenantInterface(crud.model),
            "route_base": crud.url,
            "class_permission_name": crud.resource,
            **members,
        },
    )


def _whole(text: Any) -> int | None:
    try:
        return int(text or 0)
    except ValueError:
        return None
