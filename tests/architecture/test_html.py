"""Every page is valid HTML: unique ids, references that lead somewhere, elements where they may stand, sound ARIA."""

from __future__ import annotations

import io
import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pyotp
import pytest
from flask import Flask, template_rendered

from app.collaboration.service.comments import add_comment, react
from app.kernel import assets, clock
from app.kernel.uow import platform_uow, uow
from app.sales.imports import service as imports
from app.tasks.service.recurrence import set_recurrence
from app.tasks.service.tasks import create_task
from app.tasks.service.time import log_time
from app.tenancy.service.accounts.profile import create_user
from tests import cast
from tests.architecture.test_routes import TABLE, address
from tests.architecture.walls import fill
from tests.support import SignedIn, work_off
from tests.tenancy.helpers import add_person, link, mails, role_id, token, try_login

CONFIG = Path(__file__).with_name("htmlvalidate.mjs")
HTML = {"Accept": "text/html"}
# Parts of other pages.
PARTS = (
    "layout.html",
    "auth/base.html",
    "ui/",
    "sales/cards/",
    "tasks/cards/",
    "collaboration/mentions.html",
    "appbuilder/init.html",
    "appbuilder/base",
    "mail/",
)
NOBODY = "01970000-0000-7000-8000-000000000000"
# Kinds and states of pages that the routes alone do not show.
MORE = [
    "/", "/ui", "/sales/accounts/?q=nobody-is-called-so", "/sales/accounts/?page=2&f=owner:in:me",
    f"/sales/accounts/show/{NOBODY}", "/search?q=account", "/lookup/account?q=a", "/no/such/page",
]  # fmt: skip
VISITOR = ["/login/", "/login/forgot", "/signup/", "/login/reset/none"]
# Forms that come back with what is wrong in them.
REFUSED = [
    ("/sales/accounts/add", {"name": "", "website": "not an address"}),
    ("/sales/opportunities/add", {"title": "", "amount": "many"}),
    ("/settings/profile", {"first_name": ""}),
    ("/settings/company", {"name": ""}),
    ("/settings/security/password", {"current": "wrong", "password": "short"}),
    ("/users/invite", {"emails": "nonsense", "role": ""}),
]


class Folder:
    """Answers kept as files, to be looked at in one go; a file's name tells who asked for what."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.refusals: set[tuple[str, int]] = set()

    def keep(self, who: str, what: str, answer: Any) -> None:
        """Keeps a whole page or a fragment of one, and one refusal of each kind; nothing that is not HTML."""
        if answer.mimetype != "text/html" or answer.status_code in (301, 302, 303):
            return
        refusal = (who, answer.status_code)
        if answer.status_code not in (403, 404) or refusal not in self.refusals:
            self.refusals.add(refusal)
            name = re.sub(r"[^\w.?=&-]+", "_", what).strip("_") or "home"
            (self.path / f"{who} {answer.status_code} {name}"[:120]).with_suffix(".html").write_text(answer.text)


def problems(folder: Path) -> list[str]:
    """What html-validate finds in the folder's pages, a line for each kind of it and where it is seen first."""
    report = folder / "report.json"
    program = assets.ROOT / "node_modules/html-validate/bin/html-validate.mjs"
    done = subprocess.run(
        [*assets.node(), str(program), "--config", str(CONFIG), "--formatter", f"json={report}", str(folder)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert report.exists(), done.stderr
    found: dict[str, str] = {}
    for page in json.loads(report.read_text()):
        for one in page["messages"]:
            where = f"{Path(page['filePath']).stem}:{one['line']} {one['selector']}"
            found.setdefault(f"{one['ruleId']}: {one['message']}", where)
    return [f"{what} ({where})" for what, where in found.items()]


def furnish(company: cast.Company) -> None:
    """What the home page of the admin shows, and every part of a comment."""
    admin, seller = company.admin.actor, company.sales.actor
    with uow(admin):
        mine = {"owner_id": admin.member_id, "actor": admin, "module": "sales"}
        task = create_task(title="Call the bakery", due_on=clock.today(), **mine)
        create_task(title="Sign the offer", type="approval", **mine)
        set_recurrence(task.id, actor=admin, rule="FREQ=WEEKLY;BYDAY=MO")
        log_time(task.id, actor=admin, day=None, minutes=30, note="Reading")
    with uow(seller):
        said = add_comment("task", task.id, f"@{admin.label} **look**", actor=seller, internal=True)
        add_comment("task", task.id, "An answer", actor=seller, parent_id=said.id)
        react(said.id, "👍", actor=seller)


@pytest.fixture
def house(app: Flask, company: cast.Company) -> dict[str, Any]:
    """An organization with a row of everything; name -> id."""
    rows = fill(company)
    with uow(company.admin.actor):
        job = imports.upload(
            "accounts",
            "companies.csv",
            io.BytesIO(b"name,owner\nUno S.r.l.,Nobody Known\n,Sam Seller\n"),
            actor=company.admin.actor,
        )
        rows["waiting"] = job.id
    furnish(company)
    return rows


def visit(folder: Folder, who: str, person: SignedIn, rows: dict[str, Any]) -> None:
    """Every address that can be read, and the forms that come back with errors."""
    for method, rule in sorted(TABLE):
        key = TABLE[method, rule][1]
        again = rule.startswith("/sales/") and rule.endswith("/list/")  # another address of the same list
        if method == "GET" and not rule.startswith("/api/") and not again:
            folder.keep(who, rule, person.get(address(rule, key, rows)))
    for url in [*MORE, f"/sales/import/{rows['waiting']}"]:
        folder.keep(who, url, person.get(url))
    for url, data in REFUSED:
        folder.keep(who, f"refused {url}", person.post(url, data=data))


def second_factor(folder: Folder, app: Flask, company: cast.Company) -> None:
    """Switches the marketer's second factor on and signs in with it: two pages that nothing else shows."""
    person = SignedIn(app, company.marketing)
    page = person.get("/settings/security/second-factor")
    secret = re.search(r"\b([A-Z2-7]{32})\b", page.text.replace(" ", "")).group(1)
    answer = person.post("/settings/security/second-factor", data={"code": pyotp.TOTP(secret).at(clock.now())})
    folder.keep("marketer", "recovery codes", answer)
    asked = try_login(app, company.marketing.email, cast.PASSWORD)
    assert asked.location.endswith("/login/code")
    folder.keep("marketer", "code", asked.browser.get("/login/code", headers=HTML))


def with_form(folder: Folder, app: Flask, admin: SignedIn) -> None:
    """A new request form's address, and the public page behind it: empty, with errors, and once it is sent."""
    made = admin.post(
        "/settings/intake/save", data={"name": "Ask us", "module": "sales", "is_open": "1", "asks": "name"}
    )
    folder.keep("admin", "a new form", made)
    path, visitor = re.search(r"/request/[\w-]{43}", made.text).group(0), app.test_client()
    folder.keep("visitor", "request", visitor.get(path, headers=HTML))
    wrong = {"title": "", "email": "none", "csrf_token": token(visitor, path)}
    folder.keep("visitor", "refused request", visitor.post(path, data=wrong, headers=HTML))
    folder.keep("visitor", "sent request", visitor.get(f"{path}?sent=1", headers=HTML))


def with_links(folder: Folder, app: Flask, company: cast.Company) -> None:
    """The pages behind links in mails, the mails themselves, and a person without an organization."""
    admin = SignedIn(app, company.admin)
    visitor = app.test_client()
    known, new, colleague, asking = (f"{one}@{company.slug}.example" for one in ("known", "new", "colleague", "asking"))
    add_person(company, known)
    with platform_uow("sign-up"):
        create_user(email=colleague, first_name="No", last_name="Company", password=cast.PASSWORD, locale="it")
    for address_ in (new, colleague):
        admin.post("/users/invite", data={"emails": address_, "role": str(role_id(company, "Viewer"))})
    for url, address_ in (("/login/forgot", known), ("/signup/", asking), ("/signup/", known)):
        form = {"email": address_, "organization": "Officine Verdi", "csrf_token": token(visitor, url)}
        folder.keep("visitor", f"sent {url}", visitor.post(url, data=form, headers=HTML))
    work_off()
    for address_, kind in ((new, "invite"), (colleague, "invite"), (known, "login/reset"), (asking, "signup")):
        (message,) = [one for one in mails(address_) if kind.split("/")[-1] in one.as_string()][-1:]
        url = link(message, kind)
        folder.keep("visitor", kind, visitor.get(url, headers=HTML))
        folder.keep("admin", kind, admin.get(url))
    alone = SignedIn(app)
    alone.client.post(
        "/login/", data={"email": colleague, "password": cast.PASSWORD, "csrf_token": token(alone.client)}
    )
    folder.keep("colleague", "/", alone.get("/"))
    folder.keep("colleague", "/logout/", alone.get("/logout/"))
    for number, message in enumerate([*mails(new), *mails(known), *mails(asking)]):
        text = message.get_body(("html",)).get_content()
        (folder.path / f"mail {number}.html").write_text(text)


def test_every_page_is_valid_html(
    app: Flask, company: cast.Company, house: dict[str, Any], stella: cast.Person, tmp_path: Path
) -> None:
    """All page kinds, as an admin, a viewer, the vendor and a visitor see them, in one run of html-validate."""
    folder = Folder(tmp_path)
    rendered: set[str] = set()

    def note(_app: Flask, template: Any, **_rest: Any) -> None:
        rendered.add(template.name)

    vendor = SignedIn(app, stella)
    with template_rendered.connected_to(note, app):
        admin = SignedIn(app, company.admin)
        visit(folder, "admin", admin, house)
        made = admin.post("/settings/api-keys", data={"name": "Site", "access": "read_only", "days": "90"})
        folder.keep("admin", "a new API key", made)
        with_form(folder, app, admin)
        visit(folder, "viewer", SignedIn(app, company.viewer), house)
        for url in ("/", "/platform/", "/platform/jobs", "/platform/mail"):
            folder.keep("vendor", url, vendor.get(url))
        for url in VISITOR:
            folder.keep("visitor", url, app.test_client().get(url, headers=HTML))
        second_factor(folder, app, company)
        with_links(folder, app, company)
    templates = Path(app.root_path) / "templates"
    pages = {str(one.relative_to(templates)) for one in templates.rglob("*.html") if one.name[0] != "_"}
    unseen = {one for one in pages - rendered if not one.startswith(PARTS)}
    assert unseen == set(), "no page of these kinds was looked at"
    assert problems(tmp_path) == []
