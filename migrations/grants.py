"""Gives a new permission resource to the roles that exist; new organizations get it from ``default_permissions``."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

_MAKE = """
INSERT INTO ab_permission (name)
  SELECT v.name FROM unnest(CAST(:verbs AS text[])) v (name)
  WHERE NOT EXISTS (SELECT 1 FROM ab_permission p WHERE p.name = v.name);
INSERT INTO ab_view_menu (name)
  SELECT :resource WHERE NOT EXISTS (SELECT 1 FROM ab_view_menu WHERE name = :resource);
INSERT INTO ab_permission_view (permission_id, view_menu_id)
  SELECT p.id, m.id FROM ab_permission p, ab_view_menu m
  WHERE p.name = ANY(CAST(:verbs AS text[])) AND m.name = :resource
  ON CONFLICT DO NOTHING;
INSERT INTO ab_permission_view_role (permission_view_id, role_id, scope)
  SELECT v.id, r.id, 'all'
  FROM ab_permission_view v
  JOIN ab_view_menu m ON m.id = v.view_menu_id AND m.name = :resource
  JOIN ab_permission p ON p.id = v.permission_id AND p.name = ANY(CAST(:verbs AS text[])), ab_role r
  WHERE r.organization_id IS NOT NULL AND r.is_system AND r.name = :role
  ON CONFLICT DO NOTHING
"""
_TAKE_AWAY = """
DELETE FROM ab_permission_view_role USING ab_permission_view v, ab_view_menu m
  WHERE permission_view_id = v.id AND v.view_menu_id = m.id AND m.name = :resource;
DELETE FROM ab_permission_view USING ab_view_menu m WHERE view_menu_id = m.id AND m.name = :resource;
DELETE FROM ab_view_menu WHERE name = :resource
"""


def grant(resource: str, roles: dict[str, tuple[str, ...]]) -> None:
    """Gives each system role of every organization its verbs on ``resource``, over all records."""
    for role, verbs in roles.items():
        names = "{" + ",".join(f"can_{verb}" for verb in verbs) + "}"
        _run(_MAKE, resource=resource, role=role, verbs=names)


def revoke(resource: str) -> None:
    """Takes ``resource`` away from every role, and out of the catalogue."""
    _run(_TAKE_AWAY, resource=resource)


def _run(script: str, **values: str) -> None:
    for statement in script.split(";"):
        names = {name: value for name, value in values.items() if f":{name}" in statement}
        op.execute(sa.text(statement).bindparams(**names))
