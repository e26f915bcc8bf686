"""keys of due dates whose runs are no longer kept; closing days; rules of API keys"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from migrations import rls

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "automation_key",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("rule_id", sa.Uuid(), nullable=False),
        sa.Column("task_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.String(length=120), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by_id", sa.Uuid(), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_by_id", sa.Uuid(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id", "rule_id"],
            ["automation_rule.organization_id", "automation_rule.id"],
            name=op.f("fk_automation_key_organization_id_rule_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "task_id"],
            ["task.organization_id", "task.id"],
            name=op.f("fk_automation_key_organization_id_task_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organization.id"], name=op.f("fk_automation_key_organization_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_automation_key")),
        sa.UniqueConstraint("organization_id", "id", name="uq_automation_key_organization_id_id"),
        sa.UniqueConstraint("organization_id", "rule_id", "key", name="uq_automation_key_key"),
    )
    op.create_index("ix_automation_key_task", "automation_key", ["organization_id", "task_id"], unique=False)
    op.create_table(
        "closing_day",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("first_on", sa.Date(), nullable=False),
        sa.Column("last_on", sa.Date(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by_id", sa.Uuid(), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_by_id", sa.Uuid(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("last_on >= first_on", name=op.f("ck_closing_day_order")),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organization.id"], name=op.f("fk_closing_day_organization_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_closing_day")),
        sa.UniqueConstraint("organization_id", "id", name="uq_closing_day_organization_id_id"),
    )
    op.create_index("ix_closing_day_first", "closing_day", ["organization_id", "first_on"], unique=False)
    op.add_column("automation_rule", sa.Column("api_key_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(
        op.f("fk_automation_rule_organization_id_api_key_id"),
        "automation_rule",
        "api_key",
        ["organization_id", "api_key_id"],
        ["organization_id", "id"],
    )
    op.create_index("ix_automation_rule_api_key", "automation_rule", ["organization_id", "api_key_id"], unique=False)
    for table in ("automation_key", "closing_day"):
        rls.protect(table)
    # Tasks that are planned for a later day have their SLA from then: the job computes all that are open once more.
    op.execute("UPDATE work_calendar SET applied_timezone = NULL")


def downgrade() -> None:
    op.drop_index("ix_automation_rule_api_key", table_name="automation_rule")
    op.drop_column("automation_rule", "api_key_id")
    op.drop_index("ix_closing_day_first", table_name="closing_day")
    op.drop_table("closing_day")
    op.drop_index("ix_automation_key_task", table_name="automation_key")
    op.drop_table("automation_key")
