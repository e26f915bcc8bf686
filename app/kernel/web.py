"""The shell around every page: what the layout needs, home, search, look-ups, small switches."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

from babel.dates import format_date
from flask import (
    Flask,
    Response,
    current_app,
    g,
    has_request_context,
    make_response,
    redirect,
    render_template,
    request,
    send_file,
)
from flask_appbuilder import IndexView, expose
from sqlalchemy import func, select

from app.kernel import clock, crypto, http, i18n, storage
from app.kernel.assets import icon
from app.kernel.crud import cells
from app.kernel.crud.fields import Crud, cruds, targets
from app.kernel.crud.filters import OPERATOR_LABELS, OPERATORS, PERIODS
from app.kernel.crud.query import search_criterion
from app.kernel.crypto import unsign
from app.kernel.db import db
from app.kernel.errors import BadRequest, NotFound
from app.kernel.feature import SearchHit, registry
from app.kernel.i18n import LANGUAGE_COOKIE, LANGUAGES
from app.kernel.i18n import gettext as _

if TYPE_CHECKING:
    from app.kernel.actor import Actor

SEARCH_LIMIT = 6
THEMES = ("system", "light", "dark")

# Small numbers that the shell shows (unread notifications, seats): name -> function of the actor.
_badges: dict[str, Callable[[Actor], Any]] = {}
# Changes the signed-in person's theme or language; set by tenancy.
_preferences: list[Callable[..., None]] = []


def badge(name: str, count: Callable[[Actor], Any]) -> None:
    """Registers a number for the shell."""
    _badges[name] = count


def save_preferences_with(function: Callable[..., None]) -> None:
    """Sets how theme and language are kept for a signed-in person."""
    _preferences[:] = [function]


def init_app(app: Flask) -> None:
    """Adds the shell's context and addresses."""
    app.context_processor(_shell)
    app.jinja_env.globals.update(
        avatar=cells.avatar,
        badge=cells.badge,
        initials=cells.initials,
        hue=cells.hue,
        query_string=lambda pairs: urlencode(pairs),
        with_args=with_args,
    )
    app.jinja_env.globals.update(
        script_texts=script_texts,
        filter_texts=filter_texts,
        palette_commands=palette_commands,
        picture_url=lambda key: f"/files/{crypto.sign(key, purpose='file')}" if key else None,
        branding_url=branding_url,
        now_utc=clock.now,
        month_label=month_label,
        audit_action=audit_action,
        audit_field=audit_field,
        audit_value=audit_value,
    )
    app.add_url_rule("/search", "search", search_page)
    app.add_url_rule("/search/palette", "palette", palette)
    app.add_url_rule("/lookup/<kind>", "lookup", lookup)
    app.add_url_rule("/preferences", "preferences", preferences, methods=["POST"])
    app.add_url_rule("/files/<token>", "files", files)
    if app.config["GALLERY"]:
        app.add_url_rule("/ui", "ui_gallery", lambda: render_template("ui/gallery.html"))


DEFAULT_COLOURS = ("#390035", "#901d6b", "#901d6b")


def branding_url(organization: Any) -> str | None:
    """Where a tenant's stylesheet is (an OrganizationRef's); None for the product's own colours."""
    if tuple(organization.colours) == DEFAULT_COLOURS:
        return None
    colours = "-".join(one.lstrip("#") for one in organization.colours)
    return f"/branding/{organization.slug}/{colours}.css"


def month_label(iso: str) -> str:
    """``2017-06-01`` as ``giu 17``."""
    return format_date(dt.date.fromisoformat(iso), "MMM yy", locale=i18n.locale())


def script_texts() -> dict[str, Any]:
    """The words that scripts need, in the reader's language."""
    return {
        "offline": _("The connection is lost. Try again."),
        "failed": _("That did not work. Try again."),
        "close": _("Close"),
        "open": _("open"),
        "undo": _("Undo"),
        "add": _("Add"),
        "amount": _("Amount"),
        "dealTitle": _("Title of the deal"),
        "nothingFound": _("Nothing found"),
        "newNotification": _("You have a new notification"),
        "actions": _("Actions"),
        "goTo": _("Go to"),
        "records": _("Records"),
        "moved": _("“{title}” moved to {column}"),
        "notMoved": _("“{title}” stays where it was."),
        "conflict": _("Somebody else changed this deal in the meantime: the card shows where it is now."),
        "lifted": _("{title} lifted. Arrow keys move it, Space drops it, Escape takes it back."),
        "position": _("Column {column}, position {index} of {count}"),
        "dropped": _("Dropped where it was."),
        "cancelled": _("Back where it was."),
        "icons": {
            "ok": str(icon("circle-check")),
            "warn": str(icon("git-compare-arrows")),
            "error": str(icon("circle-alert")),
            "info": str(icon("bell")),
        },
    }


def filter_texts() -> dict[str, Any]:
    """The filter builder's words: which conditions fit which kind of field."""
    return {
        "operators": {kind.value: list(names) for kind, names in OPERATORS.items()},
        "labels": {key: str(text) for key, text in OPERATOR_LABELS.items()},
        "periods": {key: str(text) for key, text in PERIODS.items()},
        "value": _("Value"),
        "and": _("and"),
        "yes": _("Yes"),
        "no": _("No"),
        "me": _("me"),
        "search": _("Type to search"),
    }


def palette_commands() -> dict[str, Any]:
    """What the palette offers besides records: new things, and the pages of the menu."""
    shell: Shell = g.shell
    pages = [
        {
            "title": f"{section['label']} · {child['label']}",
            "url": child["url"],
            "icon": str(icon(section["icon"])),
        }
        for section in shell.menu
        for child in section["children"]
    ]
    home = {"title": _("My day"), "url": "/", "icon": str(icon("sun")), "keys": ["G", "H"]}
    return {
        "actions": [
            {"title": str(one.label), "url": one.href, "icon": str(icon(one.icon))} for one in shell.create_actions
        ],
        "pages": [home, *pages],
    }


def audit_action(action: str) -> str:
    """An audit row's action in words."""
    words = {
        "created": _("created it"),
        "updated": _("changed it"),
        "deleted": _("deleted it"),
        "exported": _("exported"),
        "signed_in": _("signed in"),
        "signed_out": _("signed out"),
        "sign_in_failed": _("failed to sign in"),
        "password_changed": _("changed the password"),
        "password_reset": _("reset the password"),
        "second_factor_on": _("turned the second factor on"),
        "second_factor_off": _("turned the second factor off"),
        "roles_assigned": _("assigned roles"),
        "permissions_changed": _("changed permissions"),
    }
    return words.get(action, action)


def audit_field(crud: Any, key: str) -> str:
    """A changed field's label, where its entity is known."""
    field = crud.field(key) if crud is not None and hasattr(crud, "field") else None
    return str(field.label) if field is not None else key.replace("_", " ")


def audit_value(value: Any) -> str:
    """A stored value in short words."""
    if isinstance(value, bool):
        return _("Yes") if value else _("No")
    text = ", ".join(str(one) for one in value) if isinstance(value, list) else str(value)
    return text if len(text) <= 120 else text[:117] + "…"


def add_api_aliases(app: Flask) -> None:
    """Lets every ``/api/v1/…`` address answer at ``/api/…`` too, by the same handler."""
    for rule in list(app.url_map.iter_rules()):
        if rule.rule.startswith("/api/v1/"):
            app.add_url_rule(
                "/api/" + rule.rule.removeprefix("/api/v1/"),
                endpoint=rule.endpoint,
                view_func=app.view_functions[rule.endpoint],
                methods=sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}),
                defaults=rule.defaults,
            )


def with_args(**changes: Any) -> str:
    """The current address with some arguments changed (None drops one, a list repeats it)."""
    pairs = [(key, value) for key, value in request.args.items(multi=True) if key not in changes]
    for key, value in changes.items():
        pairs += [(key, str(one)) for one in (value if isinstance(value, list) else [value]) if one is not None]
    return f"{request.path}?{urlencode(pairs)}" if pairs else request.path


class Shell:
    """What the layout shows; computed when a template asks, once per request."""

    def __init__(self) -> None:
        self._counts: dict[str, Any] = {}

    @property
    def identity(self) -> Any:
        return getattr(g, "identity", None)

    @property
    def actor(self) -> Any:
        return getattr(g, "actor", None)

    @cached_property
    def menu(self) -> list[dict[str, Any]]:
        """FAB's menu, as far as the actor may see it, with our icons and the current entry marked."""
        items = {item.name: item for item in registry.menu}
        found = []
        for entry in current_app.extensions["appbuilder"].menu.get_data():
            spec = items.get(entry["name"])
            children = [
                {**child, "current": _is_current(child.get("url", ""))}
                for child in entry.get("childs", [])
                if child != "-" and child.get("url")
            ]
            # The longest address that fits is the current one (/sales/ is the start of all others).
            currents = [child for child in children if child["current"]]
            if len(currents) > 1:
                best = max(currents, key=lambda child: len(child["url"]))
                for child in children:
                    child["current"] = child is best
            url = spec.href if spec and not children else ""
            found.append(
                {
                    "name": entry["name"],
                    "label": entry["label"],
                    "icon": entry["icon"],
                    "url": url,
                    "current": _is_current(url) if url else False,
                    "open": any(child["current"] for child in children),
                    "children": children,
                }
            )
        return found

    @property
    def create_actions(self) -> list[Any]:
        actor = self.actor
        return [one for one in registry.create_actions if actor and actor.can(*one.permission)]

    def count(self, name: str) -> Any:
        """A registered number."""
        actor = self.actor
        if actor is None or actor.organization_id is None or name not in _badges:
            return 0
        if name not in self._counts:
            self._counts[name] = _badges[name](actor)
        return self._counts[name]

    @property
    def theme(self) -> str:
        identity = self.identity
        if identity is not None:
            return str(identity.account.theme)
        chosen = request.cookies.get("theme", "dark")
        return chosen if chosen in THEMES else "dark"

    @property
    def language(self) -> str:
        return str(i18n.locale())[:2]


def _is_current(url: str) -> bool:
    path = urlsplit(url).path
    return request.path == path or (path != "/" and request.path.startswith(path.rstrip("/") + "/"))


def _shell() -> dict[str, Any]:
    if "shell" not in g:
        g.shell = Shell()
    return {"shell": g.shell, "actor": getattr(g, "actor", None)}


class HomeView(IndexView):  # type: ignore[misc]
    """The active organization's home, or where a visitor and vendor staff belong."""

    @expose("/")
    def index(self) -> Response:
        """Home: the cards that features give for this person."""
        actor = getattr(g, "actor", None)
        if actor is None:
            return http.redirect_to_login()
        if actor.organization_id is None:
            if actor.vendor_roles:
                return make_response(redirect("/platform/"))
            return make_response(render_template("errors/no_organization.html"), 200)
        cards = [card for feature in registry.features for make in feature.home_cards if (card := make(actor))]
        return make_response(self.render_template("home.html", cards=cards, first_name=g.identity.account.first_name))


# ── search ───────────────────────────────────────────────────────────────────────────────────────


def find(actor: Actor, text: str, limit: int = SEARCH_LIMIT) -> list[SearchHit]:
    """Records whose search columns hold every word, as far as the actor may read them."""
    hits: list[SearchHit] = []
    if len(text.strip()) < 2:
        return hits
    for kind, crud in cruds.items():
        if not actor.can("read", crud.resource):
            continue
        hits += _find_in(kind, crud, text, limit)
    return hits


def _find_in(kind: str, crud: Crud, text: str, limit: int) -> list[SearchHit]:
    columns = {name: getattr(crud.model, name) for name in crud.search}
    label = getattr(crud.model, crud.label_field)
    second = columns[crud.search[1]] if len(crud.search) > 1 else None
    statement = (
        select(crud.model.id, label, *([second] if second is not None else []))
        .where(search_criterion(crud, text, columns))
        # Names that start with the text come first.
        .order_by(label.ilike(f"{text}%").desc(), func.length(label), label)
        .limit(limit)
    )
    return [
        SearchHit(
            kind,
            row[0],
            row[1],
            " · ".join(str(one) for one in (crud.singular, row[2] if len(row) > 2 else None) if one),
            f"{crud.url}/show/{row[0]}",
            crud.icon,
        )
        for row in db.session.execute(statement)
    ]


def search_page() -> Response:
    """All hits for ``?q=``, grouped by kind."""
    actor = http.actor()
    text = request.args.get("q", "").replace("\x00", "")[:100].strip()
    hits = find(actor, text, 25) if actor.organization_id else []
    groups: dict[str, list[SearchHit]] = {}
    for hit in hits:
        groups.setdefault(hit.kind, []).append(hit)
    return make_response(render_template("search.html", q=text, groups=groups, cruds=cruds))


def palette() -> Response:
    """The palette's records for ``?q=``, as JSON."""
    actor = http.actor()
    text = request.args.get("q", "").replace("\x00", "")[:100].strip()
    hits = find(actor, text) if actor.organization_id else []
    return http.json_response(
        {
            "result": [
                {"title": hit.title, "subtitle": hit.subtitle, "url": hit.url, "icon": str(icon(hit.icon))}
                for hit in hits[:20]
            ]
        }
    )


def lookup(kind: str) -> Response:
    """Choices of a reference for ``?q=``: ``[{"id", "name"}]``, 20 at most."""
    actor = http.actor()
    text = request.args.get("q", "").replace("\x00", "")[:100].strip()
    if kind in targets:
        target = targets[kind]
        model: Any = target.model
        label = getattr(model, target.label_column)
        statement = select(model.id, label).order_by(target.order())
        if target.active is not None:
            statement = statement.where(target.active())
    elif kind in cruds:
        crud = cruds[kind]
        actor.require("read", crud.resource)
        model, label = crud.model, getattr(crud.model, crud.label_field)
        statement = select(model.id, label).order_by(func.length(label) if text else label)
    else:
        raise NotFound
    if text:
        escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        statement = statement.where(label.ilike(f"%{escaped}%"))
    rows = db.session.execute(statement.limit(20))
    return http.json_response({"result": [{"id": row[0], "name": row[1]} for row in rows]})


# ── switches and files ───────────────────────────────────────────────────────────────────────────


def preferences() -> Response:
    """Sets theme and language: for the person when signed in, by a cookie for visitors."""
    theme, language = request.form.get("theme"), request.form.get("lang")
    if (theme and theme not in THEMES) or (language and language not in LANGUAGES):
        raise BadRequest(_("Choose one of the list."))
    identity = getattr(g, "identity", None)
    if identity is not None and _preferences:
        _preferences[0](identity.account.id, theme=theme or None, locale=language or None)
    response = make_response(redirect(local_target(request.form.get("next")) or "/"))
    if request.headers.get("X-Requested-With"):
        response = make_response("", 204)
    secure = current_app.config["SESSION_COOKIE_SECURE"]
    if theme:
        response.set_cookie("theme", theme, max_age=31536000, samesite="Lax", httponly=True, secure=secure)
    if language:
        response.set_cookie(LANGUAGE_COOKIE, language, max_age=31536000, samesite="Lax", httponly=True, secure=secure)
    return response


def local_target(url: str | None) -> str | None:
    """The path of ``url`` when it stays on this site; None for anything else (open redirects)."""
    if url and has_request_context() and url.startswith(request.host_url):
        url = url[len(request.host_url) - 1 :]  # Flask-AppBuilder asks for sign-in with the whole address
    if not url or not url.startswith("/") or url.startswith(("//", "/\\")):
        return None
    if any(ord(one) < 32 or ord(one) == 127 for one in url):
        return None  # browsers drop tabs and line ends, so "/<tab>/other.example" leaves the site
    return url


def files(token: str) -> Response:
    """A stored picture by its signed address; the address is the permission and lives a day."""
    key = unsign(token, purpose="file", max_age=86400 * 2)
    stream = storage.store().open(key)
    response = send_file(stream, mimetype="image/webp", max_age=86400)
    response.headers["Cache-Control"] = "private, max-age=86400"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response
