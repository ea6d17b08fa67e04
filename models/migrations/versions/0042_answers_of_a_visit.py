"""What is asked and seen at a visit, field by field.

Revision 0042, after 0041.
"""

import sqlalchemy as sa
from alembic import op

revision = "0042"
down_revision = "0041"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "survey_line",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("section", sa.String(), nullable=False),
        sa.Column("field", sa.String(), nullable=False),
        sa.Column("about", sa.String(), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("replaced_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["case_id"], ["case.id"], name=op.f("fk_survey_line_case_id_case")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_survey_line")),
    )
    with op.batch_alter_table("survey_line", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_survey_line_case_id"), ["case_id"], unique=False)


def downgrade() -> None:
    op.drop_table("survey_line")
