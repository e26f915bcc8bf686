"""automations"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations import grants, rls

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "automation_rule",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("subject", sa.String(length=32), nullable=False),
        sa.Column("trigger", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("conditions", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("actions", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("active", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("activated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("scheduled_on", sa.Date(), nullable=True),
        sa.Column("daily_cap", sa.Integer(), server_default=sa.text("100"), nullable=False),
        sa.Column("preset", sa.String(length=40), nullable=True),
        sa.Column("author_id", sa.Uuid(), nullable=True),
        sa.Column("secret", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by_id", sa.Uuid(), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_by_id", sa.Uuid(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("NOT active OR activated_at IS NOT NULL", name=op.f("ck_automation_rule_activated")),
        sa.CheckConstraint("daily_cap BETWEEN 1 AND 10000", name=op.f("ck_automation_rule_daily_cap")),
        sa.ForeignKeyConstraint(
            ["organization_id", "author_id"],
            ["membership.organization_id", "membership.id"],
            name=op.f("fk_automation_rule_organization_id_author_id"),
            ondelete="SET NULL (author_id)",
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"],
            ["organization.id"],
            name=op.f("fk_automation_rule_organization_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_automation_rule")),
        sa.UniqueConstraint("organization_id", "id", name="uq_automation_rule_organization_id_id"),
    )
    op.create_index("ix_automation_rule_author", "automation_rule", ["organization_id", "author_id"], unique=False)
    op.create_index(
        "uq_automation_rule_name", "automation_rule", ["organization_id", sa.literal_column("lower(name)")], unique=True
    )
    op.create_table(
        "automation_run",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("rule_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("record_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.String(length=120), nullable=False),
        sa.Column("status", sa.String(length=8), nullable=False),
        sa.Column("reason", sa.String(length=300), server_default=sa.text("''"), nullable=False),
        sa.Column("log", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'[]'"), nullable=False),
        sa.Column("depth", sa.Integer(), nullable=False),
        sa.Column("caused_by", sa.Uuid(), nullable=True),
        sa.Column("duration_ms", sa.Integer(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by_id", sa.Uuid(), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_by_id", sa.Uuid(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("status IN ('queued', 'ok', 'skipped', 'failed')", name=op.f("ck_automation_run_status")),
        sa.ForeignKeyConstraint(
            ["organization_id", "rule_id"],
            ["automation_rule.organization_id", "automation_rule.id"],
            name=op.f("fk_automation_run_organization_id_rule_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organization.id"], name=op.f("fk_automation_run_organization_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_automation_run")),
        sa.UniqueConstraint("organization_id", "id", name="uq_automation_run_organization_id_id"),
        sa.UniqueConstraint("organization_id", "rule_id", "key", name="uq_automation_run_key"),
    )
    op.create_index("ix_automation_run_at", "automation_run", ["organization_id", "at"], unique=False)
    op.create_index(
        "ix_automation_run_queued",
        "automation_run",
        ["at"],
        unique=False,
        postgresql_where=sa.text("status = 'queued'"),
    )
    op.create_index("ix_automation_run_rule", "automation_run", ["organization_id", "rule_id", "at"], unique=False)
    op.create_table(
        "automation_call",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("body", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("status", sa.String(length=8), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answer", sa.Integer(), nullable=True),
        sa.Column("error", sa.String(length=300), server_default=sa.text("''"), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by_id", sa.Uuid(), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_by_id", sa.Uuid(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("status IN ('queued', 'done', 'failed')", name=op.f("ck_automation_call_status")),
        sa.ForeignKeyConstraint(
            ["organization_id", "run_id"],
            ["automation_run.organization_id", "automation_run.id"],
            name=op.f("fk_automation_call_organization_id_run_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"],
            ["organization.id"],
            name=op.f("fk_automation_call_organization_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_automation_call")),
        sa.UniqueConstraint("organization_id", "id", name="uq_automation_call_organization_id_id"),
    )
    op.create_index(
        "ix_automation_call_due",
        "automation_call",
        ["next_at"],
        unique=False,
        postgresql_where=sa.text("status = 'queued'"),
    )
    op.create_index("ix_automation_call_run", "automation_call", ["organization_id", "run_id"], unique=False)
    op.add_column("outbox", sa.Column("cause_id", sa.Uuid(), nullable=True))
    rls.protect("automation_rule")
    rls.protect("automation_run")
    rls.protect("automation_call")
    grants.grant("automation", {"Org Admin": ("read", "write")})


def downgrade() -> None:
    grants.revoke("automation")
    op.drop_column("outbox", "cause_id")
    op.drop_index("ix_automation_call_run", table_name="automation_call")
    op.drop_index("ix_automation_call_due", table_name="automation_call", postgresql_where=sa.text("status = 'queued'"))
    op.drop_table("automation_call")
    op.drop_index("ix_automation_run_rule", table_name="automation_run")
    op.drop_index(
        "ix_automation_run_queued", table_name="automation_run", postgresql_where=sa.text("status = 'queued'")
    )
    op.drop_index("ix_automation_run_at", table_name="automation_run")
    op.drop_table("automation_run")
    op.drop_index("uq_automation_rule_name", table_name="automation_rule")
    op.drop_index("ix_automation_rule_author", table_name="automation_rule")
    op.drop_table("automation_rule")
