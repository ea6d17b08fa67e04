"""Means of households.

Revision 0020, after 0019.
"""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("household", schema=None) as batch_op:
        batch_op.add_column(sa.Column("reference_income", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("income_year", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("income_on", sa.Date(), nullable=True))
        batch_op.add_column(sa.Column("breathing", sa.Boolean(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("household", schema=None) as batch_op:
        batch_op.drop_column("breathing")
        batch_op.drop_column("income_on")
        batch_op.drop_column("income_year")
        batch_op.drop_column("reference_income")
