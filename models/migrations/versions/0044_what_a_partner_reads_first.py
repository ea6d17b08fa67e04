"""What a partner needs to know, read before his answer when it names nobody.

Revision 0044, after 0043.
"""

import sqlalchemy as sa
from alembic import op

revision = "0044"
down_revision = "0043"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("referral", schema=None) as batch_op:
        batch_op.add_column(sa.Column("brief_is_open", sa.Boolean(), nullable=False, server_default=sa.false()))
    with op.batch_alter_table("referral", schema=None) as batch_op:
        batch_op.alter_column("brief_is_open", server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("referral", schema=None) as batch_op:
        batch_op.drop_column("brief_is_open")
