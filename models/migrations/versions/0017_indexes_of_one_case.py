"""Indexes of one case, and of an operator's.

Revision 0017, after 0016.
"""

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

OPERATOR = ["operator_id", "stage", "opened_at", "id"]


def upgrade() -> None:
    op.drop_index("ix_case_operator_id_stage", "case")
    op.create_index("ix_case_programme_id_operator_id", "case", ["programme_id", *OPERATOR])
    op.drop_index("ix_message_case_id", "message")
    op.create_index("ix_message_case_id", "message", ["case_id", "state"])
    op.drop_index("ix_obligation_case_id", "obligation")
    op.create_index("ix_obligation_case_id", "obligation", ["case_id", "next_at"])


def downgrade() -> None:
    op.drop_index("ix_obligation_case_id", "obligation")
    op.create_index("ix_obligation_case_id", "obligation", ["case_id"])
    op.drop_index("ix_message_case_id", "message")
    op.create_index("ix_message_case_id", "message", ["case_id"])
    op.drop_index("ix_case_programme_id_operator_id", "case")
    op.create_index("ix_case_operator_id_stage", "case", OPERATOR)
