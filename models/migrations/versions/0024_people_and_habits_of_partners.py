"""People and habits of partners.

Revision 0024, after 0023.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "partner_colleague",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("ended_on", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_partner_colleague_organisation_id_organisation")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_partner_colleague")),
        sa.UniqueConstraint("organisation_id", "email", name=op.f("uq_partner_colleague_organisation_id_email")),
    )
    op.create_table(
        "partner_preference",
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("gathered", sa.Boolean(), nullable=False),
        sa.Column("weekdays", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_partner_preference_organisation_id_organisation")
        ),
        sa.PrimaryKeyConstraint("organisation_id", name=op.f("pk_partner_preference")),
    )
    op.create_table(
        "partner_absence",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("colleague_id", sa.Uuid(), nullable=True),
        sa.Column("first_on", sa.Date(), nullable=False),
        sa.Column("last_on", sa.Date(), nullable=False),
        sa.Column("delegate_id", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(
            ["colleague_id"], ["partner_colleague.id"], name=op.f("fk_partner_absence_colleague_id_partner_colleague")
        ),
        sa.ForeignKeyConstraint(
            ["delegate_id"], ["partner_colleague.id"], name=op.f("fk_partner_absence_delegate_id_partner_colleague")
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_partner_absence_organisation_id_organisation")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_partner_absence")),
    )
    with op.batch_alter_table("partner_absence", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_partner_absence_organisation_id"), ["organisation_id"], unique=False)

    op.create_table(
        "partner_charge",
        sa.Column("referral_id", sa.Uuid(), nullable=False),
        sa.Column("colleague_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["colleague_id"], ["partner_colleague.id"], name=op.f("fk_partner_charge_colleague_id_partner_colleague")
        ),
        sa.ForeignKeyConstraint(["referral_id"], ["referral.id"], name=op.f("fk_partner_charge_referral_id_referral")),
        sa.PrimaryKeyConstraint("referral_id", name=op.f("pk_partner_charge")),
    )


def downgrade() -> None:
    op.drop_table("partner_charge")
    with op.batch_alter_table("partner_absence", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_partner_absence_organisation_id"))

    op.drop_table("partner_absence")
    op.drop_table("partner_preference")
    op.drop_table("partner_colleague")
