"""Organizations: creation, settings, branding."""

from __future__ import annotations

import re
import unicodedata
from typing import Any
from zoneinfo import available_timezones

from sqlalchemy import select
from stdnum.exceptions import ValidationError
from stdnum.it import iva

from app.kernel import clock
from app.kernel.actor import Actor
from app.kernel.db import db
from app.kernel.errors import Conflict, Invalid, NotFound
from app.kernel.feature import registry
from app.kernel.i18n import LANGUAGES
from app.kernel.i18n import gettext as _
from app.kernel.money import CURRENCIES
from app.tenancy import queries
from app.tenancy.models import BrandingTheme, Membership, Organization, UserRole
from app.tenancy.service.roles import ORG_ADMIN, seed_roles
from app.tenancy.versions import bump_organization, bump_user

RESERVED_SLUGS = {"www", "app", "api", "admin", "mail", "platform", "console", "static", "support"}
HEX = re.compile(r"#[0-9a-f]{6}")


def slugify(name: str) -> str:
    """``Officine Aurora S.r.l.`` → ``officine-aurora``: company forms are left out."""
    text = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    text = re.sub(r"\b(s\.?r\.?l\.?s?|s\.?p\.?a|s\.?n\.?c|s\.?a\.?s|ltd|inc|gmbh)\b\.?", " ", text)
    return re.sub(r"[^a-z0-9]+", "-", text).strip("-")[:50] or "org"


def free_slug(name: str) -> str:
    """A slug for ``name`` that nobody has. Platform scope."""
    base = slugify(name)
    candidate, number = base, 1
    while candidate in RESERVED_SLUGS or db.session.scalar(
        select(Organization.id).where(Organization.slug == candidate)
    ):
        number += 1
        candidate = f"{base}-{number}"
    return candidate


def create_organization(
    name: str,
    *,
    admin: Any | None = None,
    slug: str | None = None,
    plan: str = "Prova",
    seats: int = 10,
    status: str = "trial",
) -> Organization:
    """Creates an organization with its roles and defaults; ``admin`` (a User) becomes Org Admin.

    Platform scope. Raises Invalid for a bad name, Conflict for a taken slug.
    """
    name = " ".join(name.split())
    if not 2 <= len(name) <= 120:
        raise Invalid(errors={"organization": [_("This field is required.")]})
    if slug is not None and db.session.scalar(select(Organization.id).where(Organization.slug == slug)):
        raise Conflict(_("This address is taken."))
    organization = Organization(name=name, slug=slug or free_slug(name), plan=plan, seats=seats, status=status)
    db.session.add(organization)
    db.session.flush()
    roles = seed_roles(organization.id)
    db.session.add(BrandingTheme(organization_id=organization.id))
    if admin is not None:
        join(organization, admin, [roles[ORG_ADMIN].id])
    for feature in registry.features:
        for hook in feature.on_organization_created:
            hook(organization)
    return organization


def join(organization: Organization, user: Any, role_ids: list[int], *, title: str | None = None) -> Membership:
    """Makes ``user`` an active member with these roles, without an invitation. Platform scope."""
    member = Membership(
        organization_id=organization.id,
        user_id=user.id,
        display_name=user.get_full_name(),
        email=user.email.lower(),
        title=title,
        joined_at=clock.now(),
    )
    db.session.add(member)
    for role_id in role_ids:
        db.session.add(UserRole(user_id=user.id, role_id=role_id))
    db.session.flush()
    bump_user(user.id)
    return member


def update_organization(*, actor: Actor, **values: Any) -> Organization:
    """Changes what is given of the company's own data: name, legal name, VAT number, locale, time zone, currency."""
    actor.require("manage", "branding")
    organization = queries.current_organization()
    errors: dict[str, list[str]] = {}
    name = " ".join(str(values.get("name", organization.name)).split())
    if not 2 <= len(name) <= 120:
        errors["name"] = [_("This field is required.")]
    vat = str(values.get("vat_number") or "").replace(" ", "").upper().removeprefix("IT")
    if vat:
        try:
            vat = iva.validate(vat)
        except ValidationError:
            errors["vat_number"] = [_("This is not a valid Italian VAT number.")]
    checks = (
        ("locale", LANGUAGES),
        ("timezone", available_timezones()),
        ("base_currency", CURRENCIES),
    )
    for field, allowed in checks:
        if field in values and values[field] not in allowed:
            errors[field] = [_("Choose one of the list.")]
    if errors:
        raise Invalid(errors=errors)
    organization.name = name
    if "legal_name" in values:
        organization.legal_name = str(values["legal_name"] or "").strip()[:200] or None
    if "vat_number" in values:
        organization.vat_number = vat or None
    for field, _allowed in checks:
        if field in values:
            setattr(organization, field, values[field])
    bump_organization(organization.id)
    return organization


def get_branding() -> BrandingTheme:
    """The current organization's theme."""
    found = db.session.scalar(select(BrandingTheme))
    if found is None:
        raise NotFound
    return found


def colours(primary: str, secondary: str, accent: str) -> tuple[str, str, str]:
    """The three colours of a brand as ``#rrggbb``; raises Invalid with those that are none."""
    errors = {
        field: [_("Write the colour as #rrggbb.")]
        for field, value in (("primary", primary), ("secondary", secondary), ("accent", accent))
        if not HEX.fullmatch(value.lower())
    }
    if errors:
        raise Invalid(errors=errors)
    return primary.lower(), secondary.lower(), accent.lower()


def update_branding(
    *, actor: Actor, primary: str, secondary: str, accent: str, logo_key: str | None = None
) -> BrandingTheme:
    """Sets the three colours (``#rrggbb``) and, when given, the logo."""
    actor.require("manage", "branding")
    chosen = colours(primary, secondary, accent)
    theme = get_branding()
    theme.primary, theme.secondary, theme.accent = chosen
    if logo_key is not None:
        theme.logo_key = logo_key or None
    bump_organization(theme.organization_id)
    return theme
