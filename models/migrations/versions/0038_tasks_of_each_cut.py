"""The cut that a task is about: a household may be threatened with two.

Revision 0038, after 0037. The open tasks of today's cuts are given theirs; a case had one at a time.
"""

import sqlalchemy as sa
from alembic import op

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None

OF_A_CUT = ("avert_cut", "call_supplier", "file_aid", "restore_supply")


def upgrade() -> None:
    with op.batch_alter_table("task", schema=None) as batch_op:
        batch_op.add_column(sa.Column("cut_id", sa.Uuid(), nullable=True))
        batch_op.create_foreign_key(batch_op.f("fk_task_cut_id_supply_cut"), "supply_cut", ["cut_id"], ["id"])
    task = sa.table("task", *map(sa.column, ("case_id", "kind", "state", "cut_id")))
    cut = sa.table("supply_cut", *map(sa.column, ("id", "case_id", "restored_on", "outcome")))
    lasts = cut.c.restored_on.is_(None) & (cut.c.outcome.is_(None) | (cut.c.outcome == "happened"))
    its = sa.select(cut.c.id).where(cut.c.case_id == task.c.case_id, lasts).order_by(cut.c.id.desc()).limit(1)
    these = task.c.kind.in_(OF_A_CUT) & (task.c.state == "open")
    op.execute(sa.update(task).where(these).values(cut_id=its.scalar_subquery()))


def downgrade() -> None:
    with op.batch_alter_table("task", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_task_cut_id_supply_cut"), type_="foreignkey")
        batch_op.drop_column("cut_id")
