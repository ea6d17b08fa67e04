"""A household that asked to stop did not refuse a visit: its own outcome.

Revision 0045, after 0044.
"""

from alembic import op

revision = "0045"
down_revision = "0044"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("UPDATE \"case\" SET outcome = 'stopped_by_household' WHERE state = 'withdrawn'")


def downgrade() -> None:
    op.execute("UPDATE \"case\" SET outcome = 'refused_visit' WHERE outcome = 'stopped_by_household'")
