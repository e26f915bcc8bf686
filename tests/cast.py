"""The fixed cast: Alice owns Acme, Bob sells there, Mara does marketing, Vera views; Charlie owns Rival
and must see nothing; Stella is vendor staff."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from app.kernel.actor import Actor
from app.kernel.db import db
from app.kernel.uow import platform_uow
from app.tenancy import queries
from app.tenancy.cli import create_vendor_user
from app.tenancy.models import Role
from app.tenancy.security.identity.jobs import load_member_actor
from app.tenancy.service import organizations, roles
from app.tenancy.service.accounts.profile import create_user

PASSWORD = "a-good-long-password"


@dataclass(frozen=True, slots=True)
class Person:
    """An account of the cast, and its membership where it has one."""

    email: str
    user_id: int
    organization_id: UUID | None = None
    member_id: UUID | None = None

    @property
    def actor(self) -> Actor:
        """The person acting, with today's permissions."""
        assert self.organization_id is not None and self.member_id is not None
        return load_member_actor(self.organization_id, self.member_id)


@dataclass(frozen=True, slots=True)
class Company:
    """An organization with one person per role."""

    id: UUID
    slug: str
    admin: Person
    sales: Person
    marketing: Person
    viewer: Person


def _person(organization, name: str, role_id: int) -> Person:
    first, last = name.split(" ")
    user = create_user(
        email=f"{first.lower()}@{organization.slug}.example",
        first_name=first,
        last_name=last,
        password=PASSWORD,
        locale="en",
    )
    member = organizations.join(organization, user, [role_id])
    return Person(user.email, user.id, organization.id, member.id)


def make_company(name: str, names: tuple[str, str, str, str]) -> Company:
    """A new organization with four people: admin, sales, marketing, viewer."""
    with platform_uow("sign-up"):
        organization = organizations.create_organization(name, seats=50, status="active")
        known = dict(
            db.session.execute(db.select(Role.name, Role.id).where(Role.organization_id == organization.id)).all()
        )
        people = [
            _person(organization, person, known[role]) for person, role in zip(names, roles.SYSTEM_ROLES, strict=True)
        ]
        found = Company(organization.id, organization.slug, people[0], people[2], people[1], people[3])
    return found


def make_vendor(email: str = "stella@vendor.example") -> Person:
    """A Super Admin of the vendor."""
    with platform_uow("vendor"):
        create_vendor_user(email, "Stella", "Vendor", PASSWORD, "Super Admin")
        user = queries.find_user(email)
        return Person(email, user.id)
