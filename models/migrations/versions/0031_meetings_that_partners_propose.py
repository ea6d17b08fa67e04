"""Meetings that partners propose.

Revision 0031, after 0030.
"""

import sqlalchemy as sa
from alembic import op

from models.base import UtcDateTime

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("referral", schema=None) as batch_op:
        batch_op.add_column(sa.Column("meets_at", UtcDateTime(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("referral", schema=None) as batch_op:
        batch_op.drop_column("meets_at")
