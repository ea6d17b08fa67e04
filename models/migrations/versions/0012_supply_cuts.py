"""Supply cuts.

Revision 0012, after 0011.
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "supply_cut",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("energy", sa.String(), nullable=False),
        sa.Column("cut_on", sa.Date(), nullable=False),
        sa.Column("told_on", sa.Date(), nullable=False),
        sa.Column("supplier_called_on", sa.Date(), nullable=True),
        sa.Column("aid_filed_on", sa.Date(), nullable=True),
        sa.Column("ended_on", sa.Date(), nullable=True),
        sa.Column("outcome", sa.String(), nullable=True),
        sa.Column("restored_on", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(["case_id"], ["case.id"], name=op.f("fk_supply_cut_case_id_case")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_supply_cut")),
    )
    with op.batch_alter_table("supply_cut", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_supply_cut_case_id"), ["case_id"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("supply_cut", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_supply_cut_case_id"))

    op.drop_table("supply_cut")
