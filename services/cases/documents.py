"""Files of a case: checked by their content, stored under a random name, served only to who may read the case."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import IO, Final
from uuid import UUID

from sqlalchemy import delete, select

from models.cases import Case, Document
from services.foundation.database import UnitOfWork
from services.foundation.errors import InvalidInput, NotFound
from services.foundation.runtime import Runtime
from services.foundation.tokens import new_token
from services.rules.casework import Hand
from services.rules.policy import Actor, Right, case_for, knows_household

LARGEST: Final = 20 * 1024 * 1024
AT_MOST: Final = f"{LARGEST // (1024 * 1024)} Mo au plus"
CHUNK: Final = 1 << 20
A_MONTH: Final = timedelta(days=30)
TOO_HEAVY: Final = f"C’est trop lourd : {AT_MOST}."
KINDS: Final[dict[bytes, str]] = {
    b"%PDF-": "application/pdf",
    b"\xff\xd8\xff": "image/jpeg",
    b"\x89PNG\r\n\x1a\n": "image/png",
}


def store(runtime: Runtime, chunks: Iterable[bytes]) -> tuple[Path, str, int, str]:
    """Write an upload beside the database; return its path, SHA-256, size and type; a refused one leaves nothing."""
    folder = folder_of(runtime)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / new_token()
    digest, size, head = hashlib.sha256(), 0, b""
    try:
        with path.open("xb") as file:
            for chunk in chunks:
                size += len(chunk)
                _check_size(size)
                head = head or chunk[:16]
                digest.update(chunk)
                file.write(chunk)
        return path, digest.hexdigest(), size, _kind(head)
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def chunks_of(upload: IO[bytes]) -> Iterator[bytes]:
    """An upload piece by piece: it is never whole in memory."""
    return iter(partial(upload.read, CHUNK), b"")


def _check_size(size: int) -> None:
    if size > LARGEST:
        raise InvalidInput("file", TOO_HEAVY)


def _kind(head: bytes) -> str:
    for start, media_type in KINDS.items():
        if head.startswith(start):
            return media_type
    raise InvalidInput("file", "Ce fichier n’est ni un PDF, ni une photo (JPEG, PNG).")


def add_document(
    unit: UnitOfWork, hand: Hand, case_id: UUID, filename: str, stored: tuple[Path, str, int, str]
) -> Document:
    """Attach a stored upload to a case."""
    case = case_for(unit, hand.actor, case_id, Right.REPORT)
    path, sha256, size, media_type = stored
    document = Document(
        case_id=case.id,
        filename=plain_name(filename, "rapport.pdf"),
        media_type=media_type,
        size=size,
        sha256=sha256,
        stored_as=path.name,
        added_at=unit.now,
        added_by_id=hand.actor.person_id,
    )
    unit.session.add(document)
    unit.session.flush()
    return document


def plain_name(filename: str, otherwise: str) -> str:
    """The name of an upload without its folders and without signs that a page or a header would take for its own."""
    name = "".join(letter for letter in Path(filename.replace("\\", "/")).name if letter.isprintable())
    return name.strip()[:120] or otherwise


def document_for(unit: UnitOfWork, actor: Actor, document_id: UUID) -> tuple[Document, Case]:
    """A document that the actor may read. Raises `NotFound`, also where he may not know the household."""
    document = unit.session.get(Document, document_id)
    if document is None:
        raise NotFound
    case = case_for(unit, actor, document.case_id, Right.READ)
    if not knows_household(unit, actor, case):
        raise NotFound
    return document, case


def remove(unit: UnitOfWork, runtime: Runtime, documents: Sequence[Document]) -> None:
    """Take files away: their rows with this transaction, what they hold once it is committed."""
    paths = [path_of(runtime, document) for document in documents]
    unit.session.execute(delete(Document).where(Document.id.in_([document.id for document in documents])))
    unit.after_commit.append(lambda: _unlink(paths))


def _unlink(paths: Sequence[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)


def sweep(unit: UnitOfWork, runtime: Runtime) -> None:
    """Take away the files of which no row speaks: whoever wrote or took them away died in between.

    Those of the last month are left: the row of an upload comes after its file, and whoever puts an older backup of the
    database in place, then the newer one again, finds them.
    """
    old = {path.name: path for path in folder_of(runtime).glob("*") if _written_at(path) < unit.lease_time() - A_MONTH}
    if old:
        _unlink([old[name] for name in old.keys() - set(unit.session.scalars(select(Document.stored_as)))])


def _written_at(path: Path) -> datetime:
    return datetime.fromtimestamp(path.stat().st_mtime, UTC)


def path_of(runtime: Runtime, document: Document) -> Path:
    """Where its content lies."""
    return folder_of(runtime) / document.stored_as


def folder_of(runtime: Runtime) -> Path:
    """Where all files lie, beside the database; it may not be there yet."""
    return runtime.settings.data_folder / "documents"
