"""Letters of the month to alert givers.

Revision 0028, after 0027.
"""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "news_stop",
        sa.Column("programme_id", sa.Uuid(), nullable=False),
        sa.Column("mark", sa.String(), nullable=False),
        sa.Column("stopped_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["programme_id"], ["programme.id"], name=op.f("fk_news_stop_programme_id_programme")),
        sa.PrimaryKeyConstraint("programme_id", "mark", name=op.f("pk_news_stop")),
    )
    op.execute("UPDATE alert SET giver_email = lower(giver_email) WHERE giver_email <> lower(giver_email)")
    op.create_index("ix_alert_giver_email", "alert", ["giver_email"])
    with op.batch_alter_table("programme", schema=None) as batch_op:
        batch_op.add_column(sa.Column("news_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("programme", schema=None) as batch_op:
        batch_op.drop_column("news_at")
    op.drop_index("ix_alert_giver_email", "alert")
    op.drop_table("news_stop")
