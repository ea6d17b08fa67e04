"""Limits and sessions.

Revision 0009, after 0008. Everybody signs in again: what a session says of itself is new.
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "allowance",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("empty_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_allowance")),
    )
    with op.batch_alter_table("allowance", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_allowance_empty_at"), ["empty_at"], unique=False)

    with op.batch_alter_table("person", schema=None) as batch_op:
        batch_op.drop_column("failed_sign_ins")
        batch_op.drop_column("locked_until")

    op.execute(sa.text("delete from web_session"))
    with op.batch_alter_table("web_session", schema=None) as batch_op:
        batch_op.add_column(sa.Column("id", sa.Uuid(), nullable=False))
        batch_op.add_column(sa.Column("membership_id", sa.Uuid(), nullable=True))
        batch_op.add_column(sa.Column("browser", sa.String(), nullable=False))
        batch_op.create_unique_constraint(batch_op.f("uq_web_session_id"), ["id"])
        batch_op.create_foreign_key(
            batch_op.f("fk_web_session_membership_id_membership"), "membership", ["membership_id"], ["id"]
        )


def downgrade() -> None:
    with op.batch_alter_table("web_session", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_web_session_membership_id_membership"), type_="foreignkey")
        batch_op.drop_constraint(batch_op.f("uq_web_session_id"), type_="unique")
        batch_op.drop_column("browser")
        batch_op.drop_column("membership_id")
        batch_op.drop_column("id")

    with op.batch_alter_table("person", schema=None) as batch_op:
        batch_op.add_column(sa.Column("locked_until", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("failed_sign_ins", sa.Integer(), nullable=False, server_default="0"))

    with op.batch_alter_table("allowance", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_allowance_empty_at"))

    op.drop_table("allowance")
