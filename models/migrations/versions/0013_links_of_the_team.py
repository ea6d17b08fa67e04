"""Links of the team.

Revision 0013, after 0012. A mail about an account has no case.
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("message", schema=None) as batch_op:
        batch_op.add_column(sa.Column("sign_in_link_id", sa.Uuid(), nullable=True))
        batch_op.alter_column("case_id", existing_type=sa.Uuid(), nullable=True)
        batch_op.alter_column("event_id", existing_type=sa.Uuid(), nullable=True)
        batch_op.create_foreign_key(
            batch_op.f("fk_message_sign_in_link_id_sign_in_link"), "sign_in_link", ["sign_in_link_id"], ["id"]
        )

    with op.batch_alter_table("sign_in_link", schema=None) as batch_op:
        batch_op.add_column(sa.Column("person_id", sa.Uuid(), nullable=True))
        batch_op.alter_column("organisation_id", existing_type=sa.Uuid(), nullable=True)
        batch_op.alter_column("referral_id", existing_type=sa.Uuid(), nullable=True)
        batch_op.create_index(batch_op.f("ix_sign_in_link_person_id"), ["person_id"], unique=False)
        batch_op.create_foreign_key(batch_op.f("fk_sign_in_link_person_id_person"), "person", ["person_id"], ["id"])


def downgrade() -> None:
    op.execute(sa.text("delete from message where case_id is null"))
    op.execute(sa.text("delete from sign_in_link where referral_id is null"))
    with op.batch_alter_table("sign_in_link", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_sign_in_link_person_id_person"), type_="foreignkey")
        batch_op.drop_index(batch_op.f("ix_sign_in_link_person_id"))
        batch_op.alter_column("referral_id", existing_type=sa.Uuid(), nullable=False)
        batch_op.alter_column("organisation_id", existing_type=sa.Uuid(), nullable=False)
        batch_op.drop_column("person_id")

    with op.batch_alter_table("message", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_message_sign_in_link_id_sign_in_link"), type_="foreignkey")
        batch_op.alter_column("event_id", existing_type=sa.Uuid(), nullable=False)
        batch_op.alter_column("case_id", existing_type=sa.Uuid(), nullable=False)
        batch_op.drop_column("sign_in_link_id")
