"""who does a line of a check-list, and by when; what members put off"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from migrations import rls

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("checklist_item", sa.Column("assignee_id", sa.Uuid(), nullable=True))
    op.add_column("checklist_item", sa.Column("due_on", sa.Date(), nullable=True))
    op.create_foreign_key(
        op.f("fk_checklist_item_organization_id_assignee_id"),
        "checklist_item",
        "membership",
        ["organization_id", "assignee_id"],
        ["organization_id", "id"],
    )
    op.create_index(
        "ix_checklist_item_assignee",
        "checklist_item",
        ["organization_id", "assignee_id", "due_on"],
        unique=False,
        postgresql_where=sa.text("NOT done AND assignee_id IS NOT NULL"),
    )
    op.create_table(
        "task_snooze",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("task_id", sa.Uuid(), nullable=False),
        sa.Column("until", sa.Date(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by_id", sa.Uuid(), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_by_id", sa.Uuid(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id", "member_id"],
            ["membership.organization_id", "membership.id"],
            name=op.f("fk_task_snooze_organization_id_member_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "task_id"],
            ["task.organization_id", "task.id"],
            name=op.f("fk_task_snooze_organization_id_task_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organization.id"], name=op.f("fk_task_snooze_organization_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_task_snooze")),
        sa.UniqueConstraint("organization_id", "id", name="uq_task_snooze_organization_id_id"),
        sa.UniqueConstraint("organization_id", "member_id", "task_id", name="uq_task_snooze_member"),
    )
    op.create_index("ix_task_snooze_task", "task_snooze", ["organization_id", "task_id"], unique=False)
    rls.protect("task_snooze")


def downgrade() -> None:
    op.drop_table("task_snooze")
    op.drop_index("ix_checklist_item_assignee", table_name="checklist_item")
    op.drop_constraint(op.f("fk_checklist_item_organization_id_assignee_id"), "checklist_item", type_="foreignkey")
    op.drop_column("checklist_item", "due_on")
    op.drop_column("checklist_item", "assignee_id")
