"""Incoming mails.

Revision 0006, after 0005.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "incoming_mail",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("message_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("programme_id", sa.Uuid(), nullable=True),
        sa.Column("case_id", sa.Uuid(), nullable=True),
        sa.Column("answered_id", sa.Uuid(), nullable=True),
        sa.Column("event_id", sa.Uuid(), nullable=True),
        sa.Column("sender", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=True),
        sa.Column("suggestion", sa.String(), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("waits", sa.Boolean(), nullable=False),
        sa.Column("handled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("handled_by_id", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(["answered_id"], ["message.id"], name=op.f("fk_incoming_mail_answered_id_message")),
        sa.ForeignKeyConstraint(["case_id"], ["case.id"], name=op.f("fk_incoming_mail_case_id_case")),
        sa.ForeignKeyConstraint(["event_id"], ["event.id"], name=op.f("fk_incoming_mail_event_id_event")),
        sa.ForeignKeyConstraint(["handled_by_id"], ["person.id"], name=op.f("fk_incoming_mail_handled_by_id_person")),
        sa.ForeignKeyConstraint(
            ["programme_id"], ["programme.id"], name=op.f("fk_incoming_mail_programme_id_programme")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_incoming_mail")),
        sa.UniqueConstraint("message_id", name=op.f("uq_incoming_mail_message_id")),
    )
    with op.batch_alter_table("incoming_mail", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_incoming_mail_case_id"), ["case_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_incoming_mail_waits"), ["waits"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("incoming_mail", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_incoming_mail_waits"))
        batch_op.drop_index(batch_op.f("ix_incoming_mail_case_id"))

    op.drop_table("incoming_mail")
