"""An index of the daily mails that left, by address and instant.

Revision 0039, after 0038.
"""

import sqlalchemy as sa
from alembic import op

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_message_daily_left",
        "message",
        ["programme_id", "address", "done_at"],
        sqlite_where=sa.text("daily IS 1 AND state = 'accepted'"),
        postgresql_where=sa.text("daily IS TRUE AND state = 'accepted'"),
    )


def downgrade() -> None:
    op.drop_index("ix_message_daily_left", table_name="message")
