"""Indexes for many cases.

Revision 0011, after 0010.
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

OPEN = {"sqlite_where": sa.text("state = 'open'"), "postgresql_where": sa.text("state = 'open'")}


def upgrade() -> None:
    with op.batch_alter_table("case", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_case_operator_id"))
        batch_op.drop_index(batch_op.f("ix_case_programme_id_stage"))
        batch_op.create_index("ix_case_programme_id_stage", ["programme_id", "stage", "opened_at", "id"], unique=False)
        batch_op.create_index("ix_case_operator_id_stage", ["operator_id", "stage", "opened_at", "id"], unique=False)
        batch_op.create_index("ix_case_programme_id_opened_at", ["programme_id", "opened_at", "id"], unique=False)

    with op.batch_alter_table("dwelling", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_dwelling_commune_code"), ["commune_code"], unique=False)

    with op.batch_alter_table("task", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_task_programme_id_state_due_at"))
        batch_op.create_index("ix_task_open", ["programme_id", "due_at"], unique=False, **OPEN)


def downgrade() -> None:
    with op.batch_alter_table("task", schema=None) as batch_op:
        batch_op.drop_index("ix_task_open", **OPEN)
        batch_op.create_index(
            batch_op.f("ix_task_programme_id_state_due_at"), ["programme_id", "state", "due_at"], unique=False
        )

    with op.batch_alter_table("dwelling", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_dwelling_commune_code"))

    with op.batch_alter_table("case", schema=None) as batch_op:
        batch_op.drop_index("ix_case_programme_id_opened_at")
        batch_op.drop_index("ix_case_operator_id_stage")
        batch_op.drop_index("ix_case_programme_id_stage")
        batch_op.create_index(batch_op.f("ix_case_programme_id_stage"), ["programme_id", "stage"], unique=False)
        batch_op.create_index(batch_op.f("ix_case_operator_id"), ["operator_id"], unique=False)
