"""Keys and access log.

Revision 0016, after 0015.
"""

from uuid import uuid4

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("access_log", schema=None) as batch_op:
        batch_op.add_column(sa.Column("programme_id", sa.Uuid(), nullable=True))
        batch_op.add_column(sa.Column("about_id", sa.Uuid(), nullable=True))
        batch_op.create_index(batch_op.f("ix_access_log_at"), ["at"], unique=False)
        batch_op.create_index("ix_access_log_programme_id_at", ["programme_id", "at"], unique=False)
    op.execute(
        sa.text(
            'update access_log set programme_id = (select c.programme_id from "case" c where c.id = access_log.case_id)'
            " where case_id is not null"
        )
    )

    with op.batch_alter_table("api_key", schema=None) as batch_op:
        batch_op.add_column(sa.Column("id", sa.Uuid(), nullable=True))
        batch_op.add_column(sa.Column("scope", sa.String(), nullable=False, server_default="all"))
        batch_op.add_column(sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("used_at", sa.DateTime(timezone=True), nullable=True))
    keys = sa.table("api_key", sa.column("token_hash", sa.String()), sa.column("id", sa.Uuid()))
    connection = op.get_bind()
    for (token_hash,) in connection.execute(sa.select(keys.c.token_hash)).all():
        connection.execute(sa.update(keys).where(keys.c.token_hash == token_hash).values(id=uuid4()))
    with op.batch_alter_table("api_key", schema=None) as batch_op:
        batch_op.alter_column("id", existing_type=sa.Uuid(), nullable=False)
        batch_op.alter_column("scope", existing_type=sa.String(), existing_nullable=False, server_default=None)
        batch_op.create_unique_constraint(batch_op.f("uq_api_key_id"), ["id"])


def downgrade() -> None:
    with op.batch_alter_table("api_key", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("uq_api_key_id"), type_="unique")
        batch_op.drop_column("used_at")
        batch_op.drop_column("expires_at")
        batch_op.drop_column("scope")
        batch_op.drop_column("id")

    with op.batch_alter_table("access_log", schema=None) as batch_op:
        batch_op.drop_index("ix_access_log_programme_id_at")
        batch_op.drop_index(batch_op.f("ix_access_log_at"))
        batch_op.drop_column("about_id")
        batch_op.drop_column("programme_id")
