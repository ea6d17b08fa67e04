"""Figures of a household.

Revision 0029, after 0028.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "exit_line",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("criterion", sa.String(), nullable=False),
        sa.Column("met", sa.String(), nullable=False),
        sa.Column("method", sa.String(), nullable=False),
        sa.Column("method_version", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["case.id"], name=op.f("fk_exit_line_case_id_case")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_exit_line")),
    )
    with op.batch_alter_table("exit_line", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_exit_line_case_id"), ["case_id"], unique=False)

    op.create_table(
        "finding",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("value", sa.Integer(), nullable=False),
        sa.Column("about_id", sa.Uuid(), nullable=True),
        sa.Column("method", sa.String(), nullable=False),
        sa.Column("method_version", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["about_id"], ["case.id"], name=op.f("fk_finding_about_id_case")),
        sa.ForeignKeyConstraint(["case_id"], ["case.id"], name=op.f("fk_finding_case_id_case")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_finding")),
    )
    with op.batch_alter_table("finding", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_finding_about_id"), ["about_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_finding_case_id"), ["case_id"], unique=False)

    op.create_table(
        "kit_item",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("item", sa.String(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("unit_price_cents", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("replaced_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["case_id"], ["case.id"], name=op.f("fk_kit_item_case_id_case")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_kit_item")),
    )
    with op.batch_alter_table("kit_item", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_kit_item_case_id"), ["case_id"], unique=False)

    with op.batch_alter_table("alert", schema=None) as batch_op:
        batch_op.add_column(sa.Column("income_class", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("followed_by", sa.String(), nullable=False, server_default=""))

    with op.batch_alter_table("case", schema=None) as batch_op:
        batch_op.add_column(sa.Column("derogation", sa.String(), nullable=True))

    with op.batch_alter_table("dwelling", schema=None) as batch_op:
        batch_op.add_column(sa.Column("heating", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("safety", sa.String(), nullable=False, server_default=""))

    with op.batch_alter_table("household", schema=None) as batch_op:
        batch_op.add_column(sa.Column("children", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("language", sa.String(), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("companion", sa.String(), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("guardian", sa.String(), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("guardian_phone", sa.String(), nullable=True))
        batch_op.add_column(
            sa.Column(
                "vulnerabilities",
                sa.JSON().with_variant(postgresql.JSONB(), "postgresql"),
                nullable=False,
                server_default="[]",
            )
        )

    with op.batch_alter_table("need", schema=None) as batch_op:
        batch_op.add_column(sa.Column("gap_reason", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("gap_at", sa.DateTime(timezone=True), nullable=True))

    with op.batch_alter_table("visit", schema=None) as batch_op:
        batch_op.add_column(sa.Column("second_officer_id", sa.Uuid(), nullable=True))
        batch_op.add_column(sa.Column("with_whom", sa.String(), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("loss_reason", sa.String(), nullable=True))
        batch_op.create_foreign_key(
            batch_op.f("fk_visit_second_officer_id_person"), "person", ["second_officer_id"], ["id"]
        )


def downgrade() -> None:
    with op.batch_alter_table("visit", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_visit_second_officer_id_person"), type_="foreignkey")
        batch_op.drop_column("loss_reason")
        batch_op.drop_column("with_whom")
        batch_op.drop_column("second_officer_id")

    with op.batch_alter_table("need", schema=None) as batch_op:
        batch_op.drop_column("gap_at")
        batch_op.drop_column("gap_reason")

    with op.batch_alter_table("household", schema=None) as batch_op:
        batch_op.drop_column("vulnerabilities")
        batch_op.drop_column("guardian_phone")
        batch_op.drop_column("guardian")
        batch_op.drop_column("companion")
        batch_op.drop_column("language")
        batch_op.drop_column("children")

    with op.batch_alter_table("dwelling", schema=None) as batch_op:
        batch_op.drop_column("safety")
        batch_op.drop_column("heating")

    with op.batch_alter_table("case", schema=None) as batch_op:
        batch_op.drop_column("derogation")

    with op.batch_alter_table("alert", schema=None) as batch_op:
        batch_op.drop_column("followed_by")
        batch_op.drop_column("income_class")

    with op.batch_alter_table("kit_item", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_kit_item_case_id"))

    op.drop_table("kit_item")
    with op.batch_alter_table("finding", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_finding_case_id"))
        batch_op.drop_index(batch_op.f("ix_finding_about_id"))

    op.drop_table("finding")
    with op.batch_alter_table("exit_line", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_exit_line_case_id"))

    op.drop_table("exit_line")
