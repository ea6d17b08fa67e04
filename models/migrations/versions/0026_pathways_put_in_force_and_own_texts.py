"""Pathways put in force and own texts.

Revision 0026, after 0025.
"""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "pathway_publication",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("programme_id", sa.Uuid(), nullable=False),
        sa.Column("pathway_hash", sa.String(), nullable=False),
        sa.Column("replaced_hash", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by_id", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(["by_id"], ["person.id"], name=op.f("fk_pathway_publication_by_id_person")),
        sa.ForeignKeyConstraint(
            ["pathway_hash"], ["pathway_version.hash"], name=op.f("fk_pathway_publication_pathway_hash_pathway_version")
        ),
        sa.ForeignKeyConstraint(
            ["programme_id"], ["programme.id"], name=op.f("fk_pathway_publication_programme_id_programme")
        ),
        sa.ForeignKeyConstraint(
            ["replaced_hash"],
            ["pathway_version.hash"],
            name=op.f("fk_pathway_publication_replaced_hash_pathway_version"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pathway_publication")),
    )
    with op.batch_alter_table("pathway_publication", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_pathway_publication_programme_id"), ["programme_id"], unique=False)

    op.create_table(
        "programme_text",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("programme_id", sa.Uuid(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("party", sa.String(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("subject", sa.String(), nullable=True),
        sa.Column("body", sa.String(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by_id", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(["by_id"], ["person.id"], name=op.f("fk_programme_text_by_id_person")),
        sa.ForeignKeyConstraint(
            ["programme_id"], ["programme.id"], name=op.f("fk_programme_text_programme_id_programme")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_programme_text")),
        sa.UniqueConstraint(
            "programme_id",
            "text",
            "party",
            "channel",
            "version",
            name=op.f("uq_programme_text_programme_id_text_party_channel_version"),
        ),
    )


def downgrade() -> None:
    op.drop_table("programme_text")
    with op.batch_alter_table("pathway_publication", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_pathway_publication_programme_id"))

    op.drop_table("pathway_publication")
