"""Contracts and ends of organisations.

Revision 0027, after 0026.
"""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("organisation", schema=None) as batch_op:
        batch_op.add_column(sa.Column("contract", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("alert_link_revoked_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("ended_on", sa.Date(), nullable=True))
    op.execute("UPDATE organisation SET contract = 'public_contract' WHERE kind = 'operator'")
    with op.batch_alter_table("letter_batch", schema=None) as batch_op:
        batch_op.add_column(sa.Column("operator_id", sa.Uuid(), nullable=True))
        batch_op.create_foreign_key(
            batch_op.f("fk_letter_batch_operator_id_organisation"), "organisation", ["operator_id"], ["id"]
        )


def downgrade() -> None:
    with op.batch_alter_table("letter_batch", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_letter_batch_operator_id_organisation"), type_="foreignkey")
        batch_op.drop_column("operator_id")
    with op.batch_alter_table("organisation", schema=None) as batch_op:
        batch_op.drop_column("ended_on")
        batch_op.drop_column("alert_link_revoked_at")
        batch_op.drop_column("contract")
