"""The state in the index of an operator's cases.

Revision 0037, after 0036.
"""

from alembic import op

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("case", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_case_programme_id_operator_id"))
        batch_op.create_index(
            "ix_case_programme_id_operator_id",
            ["programme_id", "operator_id", "stage", "opened_at", "id", "state"],
            unique=False,
        )


def downgrade() -> None:
    with op.batch_alter_table("case", schema=None) as batch_op:
        batch_op.drop_index("ix_case_programme_id_operator_id")
        batch_op.create_index(
            batch_op.f("ix_case_programme_id_operator_id"),
            ["programme_id", "operator_id", "stage", "opened_at", "id"],
            unique=False,
        )
