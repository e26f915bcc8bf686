"""idempotency keys belong to who sent them"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0005'
down_revision = '0004'
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Keys live for a day: those of before belong to nobody and are pruned.
    op.add_column('idempotency_key', sa.Column('actor', sa.String(length=64), server_default='', nullable=False))
    op.alter_column('idempotency_key', 'actor', server_default=None)
    op.drop_constraint(op.f('uq_idempotency_key_organization_id_key'), 'idempotency_key', type_='unique')
    op.create_unique_constraint(
        op.f('uq_idempotency_key_organization_id_actor_key'), 'idempotency_key', ['organization_id', 'actor', 'key']
    )


def downgrade() -> None:
    # Two people may have used the same key by now; only one row per key fits the old constraint.
    op.execute('DELETE FROM idempotency_key')
    op.drop_constraint(op.f('uq_idempotency_key_organization_id_actor_key'), 'idempotency_key', type_='unique')
    op.create_unique_constraint(
        op.f('uq_idempotency_key_organization_id_key'), 'idempotency_key', ['organization_id', 'key']
    )
    op.drop_column('idempotency_key', 'actor')
