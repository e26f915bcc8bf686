"""Shortcuts of the tenancy tests."""

from __future__ import annotations

import email
import email.policy
import re
from pathlib import Path
from typing import Any

from flask import Flask, current_app

from app.kernel.db import db
from app.kernel.uow import platform_uow
from app.tenancy import queries
from app.tenancy.models import Organization, Role, UserRole
from app.tenancy.service import organizations
from app.tenancy.service.accounts.profile import create_user
from tests.cast import PASSWORD, Company, Person


def role_id(company: Company, name: str) -> int:
    with platform_uow("vendor"):
        return db.session.scalar(db.select(Role.id).where(Role.organization_id == company.id, Role.name == name))


def roles_of(person: Person, company: Company) -> set[str]:
    with platform_uow("vendor"):
        return set(
            db.session.scalars(
                db.select(Role.name)
                .join(UserRole, UserRole.role_id == Role.id)
                .where(UserRole.user_id == person.user_id, Role.organization_id == company.id)
            )
        )


def add_person(company: Company, address: str, role: str = "Viewer", *, user: Any = None) -> Person:
    """A new account (or ``user``) in the company."""
    wanted = role_id(company, role)
    with platform_uow("sign-up"):
        user = user or create_user(
            email=address, first_name="Extra", last_name="Person", password=PASSWORD, locale="en"
        )
        user = db.session.merge(user)
        organization = db.session.get(Organization, company.id)
        member = organizations.join(organization, user, [wanted])
        return Person(user.email, user.id, company.id, member.id)


def share(person: Person, company: Company, role: str = "Viewer") -> Person:
    """The same person in another company too (a consultant)."""
    with platform_uow("vendor"):
        user = queries.find_user(person.email)
    return add_person(company, person.email, role, user=user)


def mails(to: str) -> list[Any]:
    """Mails to the address that have left, oldest first."""
    folder = Path(current_app.config["MAIL_FOLDER"])
    found = []
    for path in sorted(folder.glob("*.eml")):
        message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
        if to in message["To"]:
            found.append((path.stat().st_mtime_ns, message))
    return [message for _at, message in sorted(found, key=lambda one: one[0])]


def link(message: Any, kind: str) -> str:
    """The first address of that kind in the mail, as a path."""
    text = message.get_body(("plain",)).get_content()
    found = re.search(rf"https?://[^/\s]+(/{kind}/\S+)", text)
    assert found, text
    return found.group(1)


def token(client: Any, url: str = "/login/") -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', client.get(url, headers={"Accept": "text/html"}).text)
    assert found
    return found.group(1)


def try_login(app: Flask, address: str, password: str, **extra: str) -> Any:
    client = app.test_client()
    data = {"email": address, "password": password, "csrf_token": token(client), **extra}
    answer = client.post("/login/", data=data)
    answer.browser = client
    return answer
