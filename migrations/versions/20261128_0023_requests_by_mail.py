"""addresses of forms for mail, and which message a request came with"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("intake_form", sa.Column("takes_mail", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.add_column("intake_form", sa.Column("mail_key", sa.String(length=26), nullable=True))
    op.create_check_constraint(
        op.f("ck_intake_form_mail"), "intake_form", "takes_mail = (mail_key IS NOT NULL)"
    )
    op.create_index("uq_intake_form_mail_key", "intake_form", ["mail_key"], unique=True)
    op.add_column("task_request", sa.Column("mail_hash", sa.String(length=64), nullable=True))
    op.create_index(
        "uq_task_request_mail", "task_request", ["organization_id", "form_id", "mail_hash"], unique=True
    )
    _forget("state <> 'new'")


def _forget(which: str) -> None:
    op.drop_index("ix_task_request_forget", "task_request")
    op.create_index(
        "ix_task_request_forget",
        "task_request",
        ["decided_at"],
        postgresql_where=sa.text(f"{which} AND requester_email IS NOT NULL"),
    )


def downgrade() -> None:
    _forget("state = 'declined'")
    op.drop_index("uq_task_request_mail", "task_request")
    op.drop_column("task_request", "mail_hash")
    op.drop_index("uq_intake_form_mail_key", "intake_form")
    op.drop_constraint(op.f("ck_intake_form_mail"), "intake_form")
    op.drop_column("intake_form", "mail_key")
    op.drop_column("intake_form", "takes_mail")
