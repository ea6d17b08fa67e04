"""Cuts told in alerts.

Revision 0025, after 0024.
"""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("alert", schema=None) as batch_op:
        batch_op.add_column(sa.Column("cut_energy", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("cut_on", sa.Date(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("alert", schema=None) as batch_op:
        batch_op.drop_column("cut_on")
        batch_op.drop_column("cut_energy")
