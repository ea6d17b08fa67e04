"""Sheets that partners correct.

Revision 0021, after 0020.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "sheet_proposal",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("service_id", sa.Uuid(), nullable=False),
        sa.Column("said_by", sa.String(), nullable=False),
        sa.Column("said", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by_id", sa.Uuid(), nullable=True),
        sa.Column("taken", sa.Boolean(), nullable=True),
        sa.ForeignKeyConstraint(["decided_by_id"], ["person.id"], name=op.f("fk_sheet_proposal_decided_by_id_person")),
        sa.ForeignKeyConstraint(["service_id"], ["service.id"], name=op.f("fk_sheet_proposal_service_id_service")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sheet_proposal")),
    )
    with op.batch_alter_table("sheet_proposal", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_sheet_proposal_service_id"), ["service_id"], unique=False)

    with op.batch_alter_table("service", schema=None) as batch_op:
        batch_op.add_column(sa.Column("sheet_link_version", sa.Integer(), nullable=False, server_default="1"))
    with op.batch_alter_table("service", schema=None) as batch_op:
        batch_op.alter_column("sheet_link_version", existing_type=sa.Integer(), server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("service", schema=None) as batch_op:
        batch_op.drop_column("sheet_link_version")

    with op.batch_alter_table("sheet_proposal", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_sheet_proposal_service_id"))

    op.drop_table("sheet_proposal")
