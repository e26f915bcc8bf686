"""What the layout shows around every page: menu, counts, look."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from flask import current_app, g, request

from app.kernel import i18n
from app.kernel.feature import registry

if TYPE_CHECKING:
    from app.kernel.actor import Actor


THEMES = ("system", "light", "dark")
# Small numbers that the shell shows (unread notifications, seats): name -> function of the actor.
_badges: dict[str, Callable[[Actor], Any]] = {}


def badge(name: str, count: Callable[[Actor], Any]) -> None:
    """Registers a number for the shell."""
    _badges[name] = count


@lru_cache(maxsize=512)
def _entries(_language: str, _allowed: frozenset[str]) -> list[dict[str, Any]]:
    """FAB's menu for whoever may see the entries ``_allowed``, in the language of the request."""
    return current_app.extensions["appbuilder"].menu.get_data()  # type: ignore[no-any-return]


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
    def allowed(self) -> frozenset[str]:
        """The names of the menu's entries that the actor may see."""
        return frozenset(current_app.extensions["appbuilder"].sm.get_user_menu_access())

    @property
    def here(self) -> tuple[str, ...]:
        """The addresses of the menu's entries that are marked as current."""
        entries = [child for section in self.menu for child in (section, *section["children"])]
        return tuple(one["url"] for one in entries if one["current"])

    @cached_property
    def menu(self) -> list[dict[str, Any]]:
        """FAB's menu, as far as the actor may see it, with our icons and the current entry marked."""
        items = {item.name: item for item in registry.menu}
        found = []
        for entry in _entries(self.language, self.allowed):
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


def shell_context() -> dict[str, Any]:
    if "shell" not in g:
        g.shell = Shell()
    return {"shell": g.shell, "actor": getattr(g, "actor", None)}
