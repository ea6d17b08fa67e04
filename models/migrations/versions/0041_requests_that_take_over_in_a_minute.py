"""When a request takes the place of the one that it replaces: once it can no longer be taken back.

Revision 0041, after 0040.
"""

import sqlalchemy as sa
from alembic import op

from models.base import UtcDateTime

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("referral", schema=None) as batch_op:
        batch_op.add_column(sa.Column("takes_over_at", UtcDateTime(), nullable=True))
    op.create_index(
        "ix_referral_takes_over_at",
        "referral",
        ["takes_over_at"],
        sqlite_where=sa.text("takes_over_at IS NOT NULL"),
        postgresql_where=sa.text("takes_over_at IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_index("ix_referral_takes_over_at", table_name="referral")
    with op.batch_alter_table("referral", schema=None) as batch_op:
        batch_op.drop_column("takes_over_at")
