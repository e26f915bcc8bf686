"""collaboration"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from migrations import rls

revision = '0008'
down_revision = '0007'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('record_link',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('organization_id', sa.Uuid(), nullable=False),
    sa.Column('left_kind', sa.String(length=32), nullable=False),
    sa.Column('left_id', sa.Uuid(), nullable=False),
    sa.Column('right_kind', sa.String(length=32), nullable=False),
    sa.Column('right_id', sa.Uuid(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('created_by_id', sa.Uuid(), nullable=True),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('updated_by_id', sa.Uuid(), nullable=True),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.CheckConstraint('left_id < right_id', name=op.f('ck_record_link_order')),
    sa.ForeignKeyConstraint(['organization_id'], ['organization.id'], name=op.f('fk_record_link_organization_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_record_link')),
    sa.UniqueConstraint('organization_id', 'id', name='uq_record_link_organization_id_id'),
    sa.UniqueConstraint('organization_id', 'left_id', 'right_id', name='uq_record_link_pair')
    )
    op.create_index('ix_record_link_right', 'record_link', ['organization_id', 'right_id'], unique=False)
    op.create_table('comment',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('organization_id', sa.Uuid(), nullable=False),
    sa.Column('kind', sa.String(length=32), nullable=False),
    sa.Column('record_id', sa.Uuid(), nullable=False),
    sa.Column('parent_id', sa.Uuid(), nullable=True),
    sa.Column('author_id', sa.Uuid(), nullable=True),
    sa.Column('author_name', sa.String(length=200), nullable=False),
    sa.Column('body', sa.Text(), nullable=False),
    sa.Column('internal', sa.Boolean(), server_default=sa.text('false'), nullable=False),
    sa.Column('edited_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('resolved_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('resolved_by_id', sa.Uuid(), nullable=True),
    sa.Column('deleted_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('created_by_id', sa.Uuid(), nullable=True),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('updated_by_id', sa.Uuid(), nullable=True),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['organization_id', 'author_id'], ['membership.organization_id', 'membership.id'], name=op.f('fk_comment_organization_id_author_id'), ondelete='SET NULL (author_id)'),
    sa.ForeignKeyConstraint(['organization_id', 'parent_id'], ['comment.organization_id', 'comment.id'], name=op.f('fk_comment_organization_id_parent_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['organization_id', 'resolved_by_id'], ['membership.organization_id', 'membership.id'], name=op.f('fk_comment_organization_id_resolved_by_id'), ondelete='SET NULL (resolved_by_id)'),
    sa.ForeignKeyConstraint(['organization_id'], ['organization.id'], name=op.f('fk_comment_organization_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_comment')),
    sa.UniqueConstraint('organization_id', 'id', name='uq_comment_organization_id_id')
    )
    op.create_index('ix_comment_author', 'comment', ['organization_id', 'author_id'], unique=False)
    op.create_index('ix_comment_parent', 'comment', ['organization_id', 'parent_id'], unique=False)
    op.create_index('ix_comment_record', 'comment', ['organization_id', 'record_id', 'created_at'], unique=False)
    op.create_table('attachment',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('organization_id', sa.Uuid(), nullable=False),
    sa.Column('kind', sa.String(length=32), nullable=False),
    sa.Column('record_id', sa.Uuid(), nullable=False),
    sa.Column('comment_id', sa.Uuid(), nullable=True),
    sa.Column('name', sa.String(length=200), nullable=False),
    sa.Column('content_type', sa.String(length=100), nullable=False),
    sa.Column('size', sa.BigInteger(), nullable=False),
    sa.Column('key', sa.String(length=200), nullable=False),
    sa.Column('preview_key', sa.String(length=200), nullable=True),
    sa.Column('width', sa.Integer(), nullable=True),
    sa.Column('height', sa.Integer(), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('created_by_id', sa.Uuid(), nullable=True),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('updated_by_id', sa.Uuid(), nullable=True),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.CheckConstraint('size >= 0', name=op.f('ck_attachment_size')),
    sa.ForeignKeyConstraint(['organization_id', 'comment_id'], ['comment.organization_id', 'comment.id'], name=op.f('fk_attachment_organization_id_comment_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['organization_id'], ['organization.id'], name=op.f('fk_attachment_organization_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_attachment')),
    sa.UniqueConstraint('organization_id', 'id', name='uq_attachment_organization_id_id')
    )
    op.create_index('ix_attachment_comment', 'attachment', ['organization_id', 'comment_id'], unique=False)
    op.create_index('ix_attachment_record', 'attachment', ['organization_id', 'record_id', 'created_at'], unique=False)
    op.create_table('comment_mention',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('organization_id', sa.Uuid(), nullable=False),
    sa.Column('comment_id', sa.Uuid(), nullable=False),
    sa.Column('member_id', sa.Uuid(), nullable=False),
    sa.Column('text', sa.String(length=201), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('created_by_id', sa.Uuid(), nullable=True),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('updated_by_id', sa.Uuid(), nullable=True),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['organization_id', 'comment_id'], ['comment.organization_id', 'comment.id'], name=op.f('fk_comment_mention_organization_id_comment_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['organization_id', 'member_id'], ['membership.organization_id', 'membership.id'], name=op.f('fk_comment_mention_organization_id_member_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['organization_id'], ['organization.id'], name=op.f('fk_comment_mention_organization_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_comment_mention')),
    sa.UniqueConstraint('organization_id', 'comment_id', 'member_id', 'text', name='uq_comment_mention_member'),
    sa.UniqueConstraint('organization_id', 'id', name='uq_comment_mention_organization_id_id')
    )
    op.create_index('ix_comment_mention_member', 'comment_mention', ['organization_id', 'member_id', 'created_at'], unique=False)
    op.create_table('comment_reaction',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('organization_id', sa.Uuid(), nullable=False),
    sa.Column('comment_id', sa.Uuid(), nullable=False),
    sa.Column('member_id', sa.Uuid(), nullable=False),
    sa.Column('emoji', sa.String(length=32), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('created_by_id', sa.Uuid(), nullable=True),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('updated_by_id', sa.Uuid(), nullable=True),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['organization_id', 'comment_id'], ['comment.organization_id', 'comment.id'], name=op.f('fk_comment_reaction_organization_id_comment_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['organization_id', 'member_id'], ['membership.organization_id', 'membership.id'], name=op.f('fk_comment_reaction_organization_id_member_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['organization_id'], ['organization.id'], name=op.f('fk_comment_reaction_organization_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_comment_reaction')),
    sa.UniqueConstraint('organization_id', 'comment_id', 'member_id', 'emoji', name='uq_comment_reaction'),
    sa.UniqueConstraint('organization_id', 'id', name='uq_comment_reaction_organization_id_id')
    )
    op.create_index('ix_comment_reaction_member', 'comment_reaction', ['organization_id', 'member_id'], unique=False)
    op.create_table('comment_revision',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('organization_id', sa.Uuid(), nullable=False),
    sa.Column('comment_id', sa.Uuid(), nullable=False),
    sa.Column('body', sa.Text(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('created_by_id', sa.Uuid(), nullable=True),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('updated_by_id', sa.Uuid(), nullable=True),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['organization_id', 'comment_id'], ['comment.organization_id', 'comment.id'], name=op.f('fk_comment_revision_organization_id_comment_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['organization_id'], ['organization.id'], name=op.f('fk_comment_revision_organization_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_comment_revision')),
    sa.UniqueConstraint('organization_id', 'id', name='uq_comment_revision_organization_id_id')
    )
    op.create_index('ix_comment_revision_comment', 'comment_revision', ['organization_id', 'comment_id', 'created_at'], unique=False)
    op.add_column('notification', sa.Column('mail_at', sa.DateTime(timezone=True), nullable=True))
    op.add_column('notification', sa.Column('mailed_at', sa.DateTime(timezone=True), nullable=True))
    op.create_index('ix_notification_mail', 'notification', ['mail_at'], unique=False, postgresql_where=sa.text('read_at IS NULL AND mailed_at IS NULL AND mail_at IS NOT NULL'))
    for table in (
        "comment", "comment_revision", "comment_reaction", "comment_mention", "attachment", "record_link",
    ):  # fmt: skip
        rls.protect(table)


def downgrade() -> None:
    op.drop_index('ix_notification_mail', table_name='notification', postgresql_where=sa.text('read_at IS NULL AND mailed_at IS NULL AND mail_at IS NOT NULL'))
    op.drop_column('notification', 'mailed_at')
    op.drop_column('notification', 'mail_at')
    op.drop_index('ix_comment_revision_comment', table_name='comment_revision')
    op.drop_table('comment_revision')
    op.drop_index('ix_comment_reaction_member', table_name='comment_reaction')
    op.drop_table('comment_reaction')
    op.drop_index('ix_comment_mention_member', table_name='comment_mention')
    op.drop_table('comment_mention')
    op.drop_index('ix_attachment_record', table_name='attachment')
    op.drop_index('ix_attachment_comment', table_name='attachment')
    op.drop_table('attachment')
    op.drop_index('ix_comment_record', table_name='comment')
    op.drop_index('ix_comment_parent', table_name='comment')
    op.drop_index('ix_comment_author', table_name='comment')
    op.drop_table('comment')
    op.drop_index('ix_record_link_right', table_name='record_link')
    op.drop_table('record_link')
