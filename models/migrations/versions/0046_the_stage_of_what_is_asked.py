"""What is asked says the stage of its case, so that it is counted without it.

Revision 0046, after 0045.
"""

import sqlalchemy as sa
from alembic import op

revision = "0046"
down_revision = "0045"
branch_labels = None
depends_on = None

OPEN = {"sqlite_where": sa.text("state = 'open'"), "postgresql_where": sa.text("state = 'open'")}
ASKED = (
    "programme_id", "due_at", "case_id", "party", "kind", "organisation_id", "person_id", "visit_id", "opened_at",
    "paused_at", "snoozed_until", "id",
)  # fmt: skip
STAGED = (*ASKED[:3], "stage", *ASKED[3:])
AWAITED = (
    "programme_id", "stage", "party", "organisation_id", "case_id", "due_at", "opened_at", "paused_at",
)  # fmt: skip

STAGES = """
    UPDATE task SET stage = (SELECT "case".stage FROM "case" WHERE "case".id = task.case_id) WHERE state = 'open'
"""


def upgrade() -> None:
    with op.batch_alter_table("task", schema=None) as batch_op:
        batch_op.add_column(sa.Column("stage", sa.String(), nullable=False, server_default="closed"))
    op.execute(STAGES)
    with op.batch_alter_table("task", schema=None) as batch_op:
        batch_op.alter_column("stage", server_default=None)
        batch_op.drop_index("ix_task_open", **OPEN)
        batch_op.create_index("ix_task_open", STAGED, unique=False, **OPEN)
        batch_op.create_index("ix_task_awaited", AWAITED, unique=False, **OPEN)
    if op.get_context().dialect.name == "postgresql":  # else it takes open tasks in open stages for a handful
        op.execute("CREATE STATISTICS task_state_stage (mcv) ON state, stage FROM task")


def downgrade() -> None:
    with op.batch_alter_table("task", schema=None) as batch_op:
        batch_op.drop_index("ix_task_awaited", **OPEN)
        batch_op.drop_index("ix_task_open", **OPEN)
        batch_op.create_index("ix_task_open", ASKED, unique=False, **OPEN)
        batch_op.drop_column("stage")
