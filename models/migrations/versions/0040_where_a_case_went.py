"""The service that a transferred household was given to, for the letter that tells it.

Revision 0040, after 0039.
"""

import sqlalchemy as sa
from alembic import op

revision = "0040"
down_revision = "0039"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("case", schema=None) as batch_op:
        batch_op.add_column(sa.Column("transferred_to", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("transferred_phone", sa.String(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("case", schema=None) as batch_op:
        batch_op.drop_column("transferred_phone")
        batch_op.drop_column("transferred_to")
