"""Mails of an address by the day they left.

Revision 0019, after 0018.
"""

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("message", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_message_programme_id_address"))
        batch_op.create_index(
            "ix_message_programme_id_address_done_at", ["programme_id", "address", "done_at"], unique=False
        )


def downgrade() -> None:
    with op.batch_alter_table("message", schema=None) as batch_op:
        batch_op.drop_index("ix_message_programme_id_address_done_at")
        batch_op.create_index(batch_op.f("ix_message_programme_id_address"), ["programme_id", "address"], unique=False)
