"""templates"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations import rls

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "task_template",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("module", sa.String(length=16), nullable=False),
        sa.Column("author_id", sa.Uuid(), nullable=True),
        sa.Column("source_id", sa.Uuid(), nullable=True),
        sa.Column("content", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by_id", sa.Uuid(), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_by_id", sa.Uuid(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id", "author_id"],
            ["membership.organization_id", "membership.id"],
            name=op.f("fk_task_template_organization_id_author_id"),
            ondelete="SET NULL (author_id)",
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "source_id"],
            ["task.organization_id", "task.id"],
            name=op.f("fk_task_template_organization_id_source_id"),
            ondelete="SET NULL (source_id)",
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organization.id"], name=op.f("fk_task_template_organization_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_task_template")),
        sa.UniqueConstraint("organization_id", "id", name="uq_task_template_organization_id_id"),
    )
    op.create_index("ix_task_template_author", "task_template", ["organization_id", "author_id"], unique=False)
    op.create_index("ix_task_template_source", "task_template", ["organization_id", "source_id"], unique=False)
    op.create_index(
        "uq_task_template_name", "task_template", ["organization_id", sa.literal_column("lower(name)")], unique=True
    )
    rls.protect("task_template")


def downgrade() -> None:
    op.drop_index("uq_task_template_name", table_name="task_template")
    op.drop_index("ix_task_template_source", table_name="task_template")
    op.drop_index("ix_task_template_author", table_name="task_template")
    op.drop_table("task_template")
