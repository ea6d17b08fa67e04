"""Words to find a case.

Revision 0015, after 0014. Known cases get theirs; what the words are is said here as it was that day.
"""

import re
import unicodedata

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

CHUNK = 2_000
EVERYWHERE = frozenset(
    """allee appartement avenue boulevard chemin cours de des du et impasse la le les place quai residence
    route rue square sur un une""".split()  # noqa: SIM905 - a list of words reads better so
)
CASES = sa.text(
    'SELECT c.id, c.programme_id, h.surname, h.first_name, d.street FROM "case" c '
    "JOIN household h ON h.id = c.household_id JOIN dwelling d ON d.id = c.dwelling_id WHERE c.erased_at IS NULL"
).columns(id=sa.Uuid(), programme_id=sa.Uuid())


def upgrade() -> None:
    words = op.create_table(
        "search_word",
        sa.Column("programme_id", sa.Uuid(), nullable=False),
        sa.Column("word", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["case.id"], name=op.f("fk_search_word_case_id_case")),
        sa.ForeignKeyConstraint(["programme_id"], ["programme.id"], name=op.f("fk_search_word_programme_id_programme")),
        sa.PrimaryKeyConstraint("programme_id", "word", "case_id", name=op.f("pk_search_word")),
    )
    with op.batch_alter_table("search_word", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_search_word_case_id"), ["case_id"], unique=False)
    connection = op.get_bind()
    cases = connection.execute(CASES).all()
    for start in range(0, len(cases), CHUNK):
        rows = [
            {"programme_id": programme_id, "word": word, "case_id": case_id}
            for case_id, programme_id, surname, first_name, street in cases[start : start + CHUNK]
            for word in _words(surname, first_name, street)
        ]
        if rows:
            connection.execute(sa.insert(words), rows)


def _words(surname: str, first_name: str, street: str) -> frozenset[str]:
    own = {*_plain(surname), *_plain(first_name), "".join(_plain(surname)), "".join(_plain(f"{surname} {first_name}"))}
    return frozenset(word for word in own | set(_plain(street)) - EVERYWHERE if word)


def _plain(text: str) -> list[str]:
    bare = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.findall(r"[a-z0-9]+", bare)


def downgrade() -> None:
    with op.batch_alter_table("search_word", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_search_word_case_id"))

    op.drop_table("search_word")
