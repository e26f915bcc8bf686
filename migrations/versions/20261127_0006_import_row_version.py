"""the version that an import made of a record has a column of its own"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0006'
down_revision = '0005'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('import_row', sa.Column('record_version', sa.Integer(), nullable=True))
    # Of rows that are already taken back too: nothing but what the file said stays in raw.
    op.execute("""
        UPDATE import_row SET record_version = (raw ->> 'version')::integer, raw = NULL
        WHERE before IS NOT NULL AND raw ? 'version'
    """)


def downgrade() -> None:
    op.execute("""
        UPDATE import_row SET raw = jsonb_build_object('version', record_version::text)
        WHERE record_version IS NOT NULL
    """)
    op.drop_column('import_row', 'record_version')
