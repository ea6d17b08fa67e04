"""More life cycles.

Revision 0004, after 0003.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "loan",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("item", sa.String(), nullable=False),
        sa.Column("lent_on", sa.Date(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("returned_on", sa.Date(), nullable=True),
        sa.Column("lent_by_id", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(["case_id"], ["case.id"], name=op.f("fk_loan_case_id_case")),
        sa.ForeignKeyConstraint(["lent_by_id"], ["person.id"], name=op.f("fk_loan_lent_by_id_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_loan")),
    )
    with op.batch_alter_table("loan", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_loan_case_id"), ["case_id"], unique=False)

    op.create_table(
        "pause",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("obligation_id", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("from_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("to_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["obligation_id"], ["obligation.id"], name=op.f("fk_pause_obligation_id_obligation")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pause")),
    )
    with op.batch_alter_table("pause", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_pause_obligation_id"), ["obligation_id"], unique=False)

    with op.batch_alter_table("access_log", schema=None) as batch_op:
        batch_op.add_column(sa.Column("reason", sa.String(), nullable=True))

    with op.batch_alter_table("alert", schema=None) as batch_op:
        batch_op.add_column(sa.Column("received_on_id", sa.Uuid(), nullable=True))
        batch_op.create_index(batch_op.f("ix_alert_received_on_id"), ["received_on_id"], unique=False)
        batch_op.create_foreign_key(batch_op.f("fk_alert_received_on_id_case"), "case", ["received_on_id"], ["id"])

    with op.batch_alter_table("case", schema=None) as batch_op:
        batch_op.add_column(sa.Column("resumes_in", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("suspended_until", sa.Date(), nullable=True))
        batch_op.add_column(sa.Column("erased_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("merged_into_id", sa.Uuid(), nullable=True))
        batch_op.create_index(batch_op.f("ix_case_merged_into_id"), ["merged_into_id"], unique=False)
        batch_op.create_foreign_key(batch_op.f("fk_case_merged_into_id_case"), "case", ["merged_into_id"], ["id"])

    with op.batch_alter_table("referral", schema=None) as batch_op:
        batch_op.add_column(sa.Column("pool_id", sa.Uuid(), nullable=True))
        batch_op.add_column(sa.Column("kind", sa.String(), nullable=False, server_default="mail"))
        batch_op.add_column(sa.Column("check_on", sa.Date(), nullable=True))
        batch_op.create_index(batch_op.f("ix_referral_pool_id"), ["pool_id"], unique=False)

    with op.batch_alter_table("task", schema=None) as batch_op:
        batch_op.add_column(sa.Column("loan_id", sa.Uuid(), nullable=True))
        batch_op.add_column(sa.Column("person_id", sa.Uuid(), nullable=True))
        batch_op.add_column(sa.Column("paused_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("snoozed_until", sa.Date(), nullable=True))
        batch_op.add_column(sa.Column("snoozes", sa.Integer(), nullable=False, server_default="0"))
        batch_op.create_foreign_key(batch_op.f("fk_task_loan_id_loan"), "loan", ["loan_id"], ["id"])
        batch_op.create_foreign_key(batch_op.f("fk_task_person_id_person"), "person", ["person_id"], ["id"])


def downgrade() -> None:
    with op.batch_alter_table("task", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_task_person_id_person"), type_="foreignkey")
        batch_op.drop_constraint(batch_op.f("fk_task_loan_id_loan"), type_="foreignkey")
        batch_op.drop_column("snoozes")
        batch_op.drop_column("snoozed_until")
        batch_op.drop_column("paused_at")
        batch_op.drop_column("person_id")
        batch_op.drop_column("loan_id")

    with op.batch_alter_table("referral", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_referral_pool_id"))
        batch_op.drop_column("check_on")
        batch_op.drop_column("kind")
        batch_op.drop_column("pool_id")

    with op.batch_alter_table("case", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_case_merged_into_id_case"), type_="foreignkey")
        batch_op.drop_index(batch_op.f("ix_case_merged_into_id"))
        batch_op.drop_column("merged_into_id")
        batch_op.drop_column("erased_at")
        batch_op.drop_column("suspended_until")
        batch_op.drop_column("resumes_in")

    with op.batch_alter_table("alert", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_alert_received_on_id_case"), type_="foreignkey")
        batch_op.drop_index(batch_op.f("ix_alert_received_on_id"))
        batch_op.drop_column("received_on_id")

    with op.batch_alter_table("access_log", schema=None) as batch_op:
        batch_op.drop_column("reason")

    with op.batch_alter_table("pause", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_pause_obligation_id"))

    op.drop_table("pause")
    with op.batch_alter_table("loan", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_loan_case_id"))

    op.drop_table("loan")
