"""A household that asked to stop did not refuse a visit: its own outcome.

Revision 0047, after 0046.
"""

from alembic import op

revision = "0047"
down_revision = "0046"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("UPDATE \"case\" SET outcome = 'stopped_by_household' WHERE state = 'withdrawn'")


def downgrade() -> None:
    op.execute("UPDATE \"case\" SET outcome = 'refused_visit' WHERE outcome = 'stopped_by_household'")
