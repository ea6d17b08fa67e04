"""A wider index of open tasks, a narrower one of merged cases.

Revision 0032, after 0031.
"""

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

OPEN = {"sqlite_where": sa.text("state = 'open'"), "postgresql_where": sa.text("state = 'open'")}
MERGED = {
    "sqlite_where": sa.text("merged_into_id is not null"),
    "postgresql_where": sa.text("merged_into_id is not null"),
}
ASKED = (
    "programme_id", "due_at", "case_id", "party", "kind", "organisation_id", "person_id", "visit_id", "opened_at",
    "paused_at", "snoozed_until", "id",
)  # fmt: skip


def upgrade() -> None:
    with op.batch_alter_table("task", schema=None) as batch_op:
        batch_op.drop_index("ix_task_open", **OPEN)
        batch_op.create_index("ix_task_open", ASKED, unique=False, **OPEN)

    with op.batch_alter_table("case", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_case_merged_into_id"))
        batch_op.create_index("ix_case_merged_into_id", ["merged_into_id"], unique=False, **MERGED)


def downgrade() -> None:
    with op.batch_alter_table("case", schema=None) as batch_op:
        batch_op.drop_index("ix_case_merged_into_id", **MERGED)
        batch_op.create_index(batch_op.f("ix_case_merged_into_id"), ["merged_into_id"], unique=False)

    with op.batch_alter_table("task", schema=None) as batch_op:
        batch_op.drop_index("ix_task_open", **OPEN)
        batch_op.create_index("ix_task_open", ["programme_id", "due_at"], unique=False, **OPEN)
