"""The data of the benchmarks: many organizations, sizes skewed, written by the database itself."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

import psycopg

from app.kernel.uow import platform_uow
from app.tenancy.service import organizations
from app.tenancy.service.accounts.profile import create_user

PASSWORD = "a-good-long-password"

# One statement writes an organization's deals over the stages of its default pipeline.
DEALS = """
INSERT INTO opportunity (id, organization_id, version, created_at, updated_at, title, account_id, owner_id,
    pipeline_id, stage_id, stage_kind, rank, amount, currency, amount_mode, probability, forecast_category,
    priority, opened_on, close_date, closed_at, stage_entered_at, last_open_stage_id, tags)
SELECT gen_random_uuid(), o.id, 1, now() - n * interval '1 minute', now(), 'Deal ' || n,
    (SELECT id FROM account a WHERE a.organization_id = o.id AND a.name = 'Account ' || mod(n, 20)), o.member_id,
    s.pipeline_id, s.id, s.kind, 'a' || lpad(to_hex(n), 8, '0'), mod(n * 7919, 50000), 'EUR', 'manual',
    CASE s.kind WHEN 'won' THEN 100 WHEN 'lost' THEN 0 ELSE s.probability END, 'pipeline',
    'P' || mod(n, 4), current_date - mod(n, 300), current_date + mod(n, 90),
    CASE WHEN s.kind = 'open' THEN NULL ELSE now() - mod(n, 300) * interval '1 day' END, now(), NULL, '{}'
FROM (SELECT org.id, m.id AS member_id FROM organization org JOIN membership m ON m.organization_id = org.id
      WHERE org.id = %(organization)s LIMIT 1) o
CROSS JOIN generate_series(1, %(count)s) n
JOIN LATERAL (SELECT st.*, row_number() OVER (ORDER BY st.position) - 1 AS number, count(*) OVER () AS total
      FROM pipeline_stage st JOIN pipeline p ON p.id = st.pipeline_id
      WHERE st.organization_id = o.id AND p.is_default) s ON s.number = mod(n, s.total)
"""
# As DEALS, for tasks over the organization's statuses.
TASKS = """
INSERT INTO task (id, organization_id, version, created_at, updated_at, number, title, module, type, status_id,
    status_group, priority, owner_id, start_on, due_on, estimate, tags, rank, done_at)
SELECT gen_random_uuid(), o.id, 1, now() - n * interval '1 minute', now(), n, 'Task ' || n,
    CASE WHEN mod(n, 2) = 0 THEN 'sales' ELSE 'marketing' END, 'task', s.id, s."group", 'P' || mod(n, 4),
    CASE WHEN mod(n, 3) = 0 THEN o.member_id END, NULL, current_date - 30 + mod(n * 7919, 120), 15 * mod(n, 40), '{}',
    'a' || lpad(to_hex(n), 8, '0'), CASE WHEN s."group" IN ('done', 'cancelled') THEN now() END
FROM (SELECT org.id, m.id AS member_id FROM organization org JOIN membership m ON m.organization_id = org.id
      WHERE org.id = %(organization)s LIMIT 1) o
CROSS JOIN generate_series(1, %(count)s) n
JOIN LATERAL (SELECT st.*, row_number() OVER (ORDER BY st.position) - 1 AS place, count(*) OVER () AS total
      FROM task_status st WHERE st.organization_id = o.id) s ON s.place = mod(n, s.total)
"""
ACCOUNTS = """
INSERT INTO account (id, organization_id, version, created_at, updated_at, name, lifecycle, tags)
SELECT gen_random_uuid(), %(organization)s, 1, now(), now(), 'Account ' || n, 'prospect', '{}'
FROM generate_series(0, 19) n
"""


@dataclass(frozen=True, slots=True)
class Company:
    """An organization of the benchmark and the address that its admin signs in with."""

    id: UUID
    slug: str
    email: str
    deals: int


def make_company(number: int, superuser_url: str, *, deals: int = 0, tasks: int = 0) -> Company:
    """An organization with one admin, twenty accounts, ``deals`` deals and ``tasks`` tasks."""
    with platform_uow("sign-up"):
        email = f"admin@bench-{number}.example"
        user = create_user(email=email, first_name="Ada", last_name=f"Bench {number}", password=PASSWORD, locale="it")
        organization = organizations.create_organization(
            f"Bench {number}", admin=user, slug=f"bench-{number}", plan="Crescita", seats=50, status="active"
        )
        made = Company(organization.id, organization.slug, email, deals)
    with psycopg.connect(superuser_url) as connection:
        connection.execute(ACCOUNTS, {"organization": made.id})
        connection.execute(DEALS, {"organization": made.id, "count": deals})
        connection.execute(TASKS, {"organization": made.id, "count": tasks})
    return made


def analyze(superuser_url: str) -> None:
    """What autovacuum would do on a quiet evening."""
    with psycopg.connect(superuser_url, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")
