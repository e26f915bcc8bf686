"""what members work in a week"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from migrations import rls

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "member_capacity",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("weekly_minutes", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by_id", sa.Uuid(), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_by_id", sa.Uuid(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "weekly_minutes BETWEEN 0 AND 4800 AND weekly_minutes % 15 = 0",
            name=op.f("ck_member_capacity_weekly_minutes"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "member_id"],
            ["membership.organization_id", "membership.id"],
            name=op.f("fk_member_capacity_organization_id_member_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"],
            ["organization.id"],
            name=op.f("fk_member_capacity_organization_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_member_capacity")),
        sa.UniqueConstraint("organization_id", "id", name="uq_member_capacity_organization_id_id"),
        sa.UniqueConstraint("organization_id", "member_id", name="uq_member_capacity_member"),
    )
    rls.protect("member_capacity")


def downgrade() -> None:
    op.drop_table("member_capacity")
