"""Mails of an address by day.

Revision 0023, after 0022.
"""

from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("message", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_message_programme_id_address_done_at"))
        batch_op.create_index(
            "ix_message_programme_id_address_done_at_due_at",
            ["programme_id", "address", "done_at", "due_at"],
            unique=False,
        )


def downgrade() -> None:
    with op.batch_alter_table("message", schema=None) as batch_op:
        batch_op.drop_index("ix_message_programme_id_address_done_at_due_at")
        batch_op.create_index(
            batch_op.f("ix_message_programme_id_address_done_at"), ["programme_id", "address", "done_at"], unique=False
        )
