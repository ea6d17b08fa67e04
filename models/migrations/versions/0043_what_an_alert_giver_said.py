"""Whether whoever asked for a visit told the household what is kept of it.

Revision 0043, after 0042.
"""

import sqlalchemy as sa
from alembic import op

revision = "0043"
down_revision = "0042"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("alert", schema=None) as batch_op:
        batch_op.add_column(sa.Column("notice_said", sa.Boolean(), nullable=False, server_default=sa.false()))
    with op.batch_alter_table("alert", schema=None) as batch_op:
        batch_op.alter_column("notice_said", server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("alert", schema=None) as batch_op:
        batch_op.drop_column("notice_said")
