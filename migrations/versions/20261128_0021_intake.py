"""task requests and the forms that they come from"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from migrations import rls

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def _common() -> list[sa.Column[object]]:
    return [
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by_id", sa.Uuid(), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_by_id", sa.Uuid(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
    ]


def _link(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["organization_id", column],
        [f"{target}.organization_id", f"{target}.id"],
        name=op.f(f"fk_{table}_organization_id_{column}"),
        ondelete=f"SET NULL ({column})",
    )


def _tenant(table: str) -> list[sa.Constraint]:
    return [
        sa.ForeignKeyConstraint(
            ["organization_id"],
            ["organization.id"],
            name=op.f(f"fk_{table}_organization_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
        sa.UniqueConstraint("organization_id", "id", name=f"uq_{table}_organization_id_id"),
    ]


def upgrade() -> None:
    op.create_table(
        "intake_form",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("intro", sa.Text(), nullable=True),
        sa.Column("module", sa.String(length=16), nullable=False),
        sa.Column("default_status_id", sa.Uuid(), nullable=True),
        sa.Column("default_owner_id", sa.Uuid(), nullable=True),
        sa.Column("asks", sa.ARRAY(sa.String(length=12)), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("is_open", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("tells_done", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        *_common(),
        sa.CheckConstraint(
            "asks <@ ARRAY['description', 'name', 'due_on']::varchar[]", name=op.f("ck_intake_form_asks")
        ),
        _link("intake_form", "default_status_id", "task_status"),
        _link("intake_form", "default_owner_id", "membership"),
        *_tenant("intake_form"),
    )
    op.create_index(
        "uq_intake_form_name", "intake_form", ["organization_id", sa.literal_column("lower(name)")], unique=True
    )
    op.create_index("uq_intake_form_token_hash", "intake_form", ["token_hash"], unique=True)
    op.create_index("ix_intake_form_status", "intake_form", ["organization_id", "default_status_id"])
    op.create_index("ix_intake_form_owner", "intake_form", ["organization_id", "default_owner_id"])
    op.create_table(
        "task_request",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("requester_name", sa.String(length=120), nullable=True),
        sa.Column("requester_email", sa.String(length=320), nullable=True),
        sa.Column("locale", sa.String(length=5), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("module", sa.String(length=16), nullable=False),
        sa.Column("form_id", sa.Uuid(), nullable=True),
        sa.Column("state", sa.String(length=9), server_default=sa.text("'new'"), nullable=False),
        sa.Column("reason", sa.String(length=1000), nullable=True),
        sa.Column("task_id", sa.Uuid(), nullable=True),
        sa.Column("decided_by_id", sa.Uuid(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("told_done_at", sa.DateTime(timezone=True), nullable=True),
        *_common(),
        sa.CheckConstraint(
            "state IN ('new', 'accepted', 'declined', 'duplicate')", name=op.f("ck_task_request_state")
        ),
        sa.CheckConstraint("(state = 'new') = (decided_at IS NULL)", name=op.f("ck_task_request_decided")),
        sa.CheckConstraint("state <> 'declined' OR reason IS NOT NULL", name=op.f("ck_task_request_reason")),
        sa.CheckConstraint("state <> 'new' OR requester_email IS NOT NULL", name=op.f("ck_task_request_requester")),
        _link("task_request", "form_id", "intake_form"),
        _link("task_request", "task_id", "task"),
        _link("task_request", "decided_by_id", "membership"),
        *_tenant("task_request"),
    )
    op.create_index("ix_task_request_state", "task_request", ["organization_id", "state", "created_at"])
    op.create_index("ix_task_request_form", "task_request", ["organization_id", "form_id"])
    op.create_index("ix_task_request_task", "task_request", ["organization_id", "task_id"])
    op.create_index("ix_task_request_decided_by", "task_request", ["organization_id", "decided_by_id"])
    op.create_index(
        "ix_task_request_forget",
        "task_request",
        ["decided_at"],
        postgresql_where=sa.text("state = 'declined' AND requester_email IS NOT NULL"),
    )
    for table in ("intake_form", "task_request"):
        rls.protect(table)


def downgrade() -> None:
    op.drop_table("task_request")
    op.drop_table("intake_form")
