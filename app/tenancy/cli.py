"""Commands about organizations and accounts."""

from __future__ import annotations

import click
from flask.cli import AppGroup

from app.kernel.db import db
from app.kernel.errors import DomainError
from app.kernel.ids import new_token
from app.kernel.uow import platform_uow
from app.tenancy import queries
from app.tenancy.models import Role, UserRole
from app.tenancy.service import organizations
from app.tenancy.service.accounts.profile import create_user
from app.tenancy.service.roles import VENDOR_ROLES

org = AppGroup("org", help="Organizations.")
user = AppGroup("user", help="Accounts.")


def seed_vendor_roles() -> dict[str, int]:
    """Makes sure that the vendor's roles exist; name -> id. Platform scope."""
    found: dict[str, int] = {}
    for name in VENDOR_ROLES:
        role = db.session.scalar(db.select(Role).where(Role.name == name, Role.organization_id.is_(None)))
        if role is None:
            role = Role(name=name, is_system=True)
            db.session.add(role)
            db.session.flush()
        found[name] = role.id
    return found


def create_vendor_user(email: str, first_name: str, last_name: str, password: str, role: str) -> None:
    """Creates a person of the vendor's staff. Platform scope."""
    role_ids = seed_vendor_roles()
    person = create_user(email=email, first_name=first_name, last_name=last_name, password=password, is_vendor=True)
    db.session.add(UserRole(user_id=person.id, role_id=role_ids[role]))


@org.command("create")
@click.argument("name")
@click.option("--admin", required=True, help="E-mail of the first Org Admin.")
@click.option("--first-name", default="Org")
@click.option("--last-name", default="Admin")
@click.option("--plan", default="Prova")
@click.option("--seats", default=10, type=click.IntRange(1, 100000))
def org_create(name: str, admin: str, first_name: str, last_name: str, plan: str, seats: int) -> None:
    """Create an organization NAME; a new admin's password is printed once."""
    password = None
    try:
        with platform_uow("sign-up"):
            person = queries.find_user(admin)
            if person is None:
                password = new_token(12)
                person = create_user(email=admin, first_name=first_name, last_name=last_name, password=password)
            made = organizations.create_organization(name, admin=person, plan=plan, seats=seats, status="active")
            slug = made.slug
    except DomainError as error:
        raise click.ClickException(f"{error.message} {error.errors or ''}".strip()) from None
    click.echo(f"organization {slug} created, admin {admin}")
    if password:
        click.echo(f"password: {password}")


@user.command("create-vendor")
@click.argument("email")
@click.option("--role", type=click.Choice(VENDOR_ROLES), default="Super Admin")
@click.option("--first-name", default="Vendor")
@click.option("--last-name", default="Staff")
@click.password_option()
def user_create_vendor(email: str, role: str, first_name: str, last_name: str, password: str) -> None:
    """Create a person of the vendor's staff."""
    try:
        with platform_uow("vendor"):
            create_vendor_user(email, first_name, last_name, password, role)
    except DomainError as error:
        raise click.ClickException(f"{error.message} {error.errors or ''}".strip()) from None
    click.echo(f"{email} is now {role}")
