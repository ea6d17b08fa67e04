"""Services of partners, and zones.

Revision 0008, after 0007.
"""

from collections import defaultdict

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from models.base import new_id

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
ORGANISATION = sa.table(
    "organisation",
    sa.column("id", sa.Uuid()),
    sa.column("kind", sa.String()),
    sa.column("name", sa.String()),
    sa.column("themes", JSON),
    sa.column("full_until", sa.Date()),
)
SERVICE = sa.table(
    "service",
    sa.column("id", sa.Uuid()),
    sa.column("organisation_id", sa.Uuid()),
    sa.column("name", sa.String()),
    sa.column("themes", JSON),
    sa.column("income_classes", JSON),
    sa.column("tenures", JSON),
    sa.column("conditions", sa.String()),
    sa.column("full_until", sa.Date()),
    sa.column("professional_contact", sa.String()),
    sa.column("household_contact", sa.String()),
)


def upgrade() -> None:
    op.create_table(
        "service_area",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("programme_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["programme_id"], ["programme.id"], name=op.f("fk_service_area_programme_id_programme")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_service_area")),
        sa.UniqueConstraint("programme_id", "name", name=op.f("uq_service_area_programme_id_name")),
    )
    op.create_table(
        "service",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("themes", JSON, nullable=False),
        sa.Column("area_id", sa.Uuid(), nullable=True),
        sa.Column("income_classes", JSON, nullable=False),
        sa.Column("tenures", JSON, nullable=False),
        sa.Column("conditions", sa.String(), nullable=False),
        sa.Column("places", sa.Integer(), nullable=True),
        sa.Column("full_until", sa.Date(), nullable=True),
        sa.Column("capacity_on", sa.Date(), nullable=True),
        sa.Column("professional_contact", sa.String(), nullable=False),
        sa.Column("professional_email", sa.String(), nullable=True),
        sa.Column("professional_phone", sa.String(), nullable=True),
        sa.Column("household_contact", sa.String(), nullable=False),
        sa.Column("household_email", sa.String(), nullable=True),
        sa.Column("household_phone", sa.String(), nullable=True),
        sa.Column("verified_on", sa.Date(), nullable=True),
        sa.Column("ended_on", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(["area_id"], ["service_area.id"], name=op.f("fk_service_area_id_service_area")),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_service_organisation_id_organisation")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_service")),
    )
    with op.batch_alter_table("service", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_service_area_id"), ["area_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_service_organisation_id"), ["organisation_id"], unique=False)

    op.create_table(
        "service_area_commune",
        sa.Column("area_id", sa.Uuid(), nullable=False),
        sa.Column("commune_code", sa.String(), nullable=False),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("to_on", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(
            ["area_id"], ["service_area.id"], name=op.f("fk_service_area_commune_area_id_service_area")
        ),
        sa.ForeignKeyConstraint(
            ["commune_code"], ["commune.code"], name=op.f("fk_service_area_commune_commune_code_commune")
        ),
        sa.PrimaryKeyConstraint("area_id", "commune_code", "from_on", name=op.f("pk_service_area_commune")),
    )
    _services_of_partners()
    with op.batch_alter_table("organisation", schema=None) as batch_op:
        batch_op.drop_column("themes")
        batch_op.drop_column("full_until")


def _services_of_partners() -> None:
    """What a partner offered becomes one service of his name, without conditions."""
    dull = {"income_classes": [], "tenures": [], "conditions": "", "professional_contact": "", "household_contact": ""}
    partners = op.get_bind().execute(sa.select(ORGANISATION).where(ORGANISATION.c.kind == "partner")).all()
    for each in partners:
        if each.themes:
            op.get_bind().execute(
                sa.insert(SERVICE).values(
                    id=new_id(),
                    organisation_id=each.id,
                    name=each.name,
                    themes=each.themes,
                    full_until=each.full_until,
                    **dull,
                )
            )


def _themes_of_organisations() -> None:
    """Every type of solution that one of its services offers; full as long as any of them is."""
    themes: defaultdict[object, list[str]] = defaultdict(list)
    full: dict[object, object] = {}
    for each in op.get_bind().execute(sa.select(SERVICE).order_by(SERVICE.c.id)).all():
        themes[each.organisation_id] += [theme for theme in each.themes if theme not in themes[each.organisation_id]]
        full[each.organisation_id] = each.full_until or full.get(each.organisation_id)
    for organisation_id, offered in themes.items():
        op.get_bind().execute(
            sa.update(ORGANISATION)
            .where(ORGANISATION.c.id == organisation_id)
            .values(themes=offered, full_until=full[organisation_id])
        )


def downgrade() -> None:
    with op.batch_alter_table("organisation", schema=None) as batch_op:
        batch_op.add_column(sa.Column("full_until", sa.Date(), nullable=True))
        batch_op.add_column(sa.Column("themes", JSON, nullable=False, server_default="[]"))
    _themes_of_organisations()
    with op.batch_alter_table("organisation", schema=None) as batch_op:
        batch_op.alter_column("themes", existing_type=JSON, existing_nullable=False, server_default=None)

    op.drop_table("service_area_commune")
    with op.batch_alter_table("service", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_service_organisation_id"))
        batch_op.drop_index(batch_op.f("ix_service_area_id"))

    op.drop_table("service")
    op.drop_table("service_area")
