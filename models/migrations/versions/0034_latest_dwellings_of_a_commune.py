"""The dwellings of a commune in the order in which they were written.

Revision 0034, after 0033.
"""

from alembic import op

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("dwelling", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_dwelling_commune_code"))
        batch_op.create_index("ix_dwelling_commune_code_id", ["commune_code", "id"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("dwelling", schema=None) as batch_op:
        batch_op.drop_index("ix_dwelling_commune_code_id")
        batch_op.create_index(batch_op.f("ix_dwelling_commune_code"), ["commune_code"], unique=False)
