"""Cases from a spreadsheet.

Revision 0007, after 0006.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "imported_columns",
        sa.Column("programme_id", sa.Uuid(), nullable=False),
        sa.Column("headers", sa.String(), nullable=False),
        sa.Column("mapping", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("said_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["programme_id"], ["programme.id"], name=op.f("fk_imported_columns_programme_id_programme")
        ),
        sa.PrimaryKeyConstraint("programme_id", "headers", name=op.f("pk_imported_columns")),
    )
    with op.batch_alter_table("report", schema=None) as batch_op:
        batch_op.alter_column("document_id", existing_type=sa.Uuid(), nullable=True)


def downgrade() -> None:
    op.execute("DELETE FROM report WHERE document_id IS NULL")  # the older version has no place for them
    with op.batch_alter_table("report", schema=None) as batch_op:
        batch_op.alter_column("document_id", existing_type=sa.Uuid(), nullable=False)

    op.drop_table("imported_columns")
