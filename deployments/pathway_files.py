"""Reads a pathway from its file; whatever is wrong in it is said with the file, the line and one French sentence."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

import yaml
from pydantic import ValidationError

from models.pathway import Flaw, Flawed, Pathway, Place
from services.foundation.errors import Setup
from services.rules.texts.typography import french

_DELAY: Final = "ce n’est pas un délai : écrivez 3wd (jours ouvrés), 15d (jours), 4h (heures) ou 1mo (mois)"
_NAME: Final = "ce n’est pas un nom : des minuscules sans accent, des chiffres et « _ », de 2 à 40 signes"
_SENTENCES: Final[Mapping[str, str]] = {
    "missing": "il manque « {field} »",
    "extra_forbidden": "« {field} » n’existe pas ici",
    "string_type": "« {field} » doit être un texte, entre guillemets si besoin",
    "bool_type": "« {field} » doit être true ou false",
    "bool_parsing": "« {field} » doit être true ou false",
    "int_type": "« {field} » doit être un nombre entier",
    "int_parsing": "« {field} » doit être un nombre entier",
    "greater_than_equal": "« {field} » doit être au moins {ge}",
    "tuple_type": "« {field} » doit être une liste",
    "dict_type": "« {field} » doit être fait de lignes « nom : valeur »",
    "model_type": "« {field} » doit être fait de lignes « nom : valeur »",
    "union_tag_not_found": "une étape dit ce qu’elle fait : « open » (ouvrir une tâche) ou « send » (écrire)",
}
_YAML: Final[Mapping[str, str]] = {
    "found alias": "les ancres (& et *) ne sont pas admises : écrivez la valeur en entier",
    "found character '\\t'": "une tabulation ; mettez des espaces",
    "mapping values are not allowed": "un « : » de trop ; mettez le texte entre guillemets",
    "could not find expected ':'": "il manque un « : »",
    "expected <block end>": "le décalage de cette ligne ne correspond pas à celui des lignes voisines",
    "did not find expected": "la ligne ne se lit pas ; vérifiez guillemets, accolades et virgules",
    "expected ',' or": "il manque une virgule, une accolade ou un crochet",
    "found unexpected end of stream": "des guillemets, une accolade ou un crochet ne sont pas fermés",
}


class _Plain(yaml.SafeLoader):
    """YAML in which everything is where it is read."""

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """Refuse an alias: its value would stand elsewhere, or contain itself."""
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.composer.ComposerError(None, None, "found alias", mark)
        return super().compose_node(parent, index)


class Misread(Setup):
    """A file that is no pathway; `remarks` are all its faults, each with its line."""

    def __init__(self, remarks: Sequence[str]) -> None:
        """The first faults make the sentence; there may be many."""
        super().__init__("\n".join(remarks))
        self.remarks = list(remarks)


@dataclass(frozen=True)
class PathwayFile:
    """A pathway with the place of everything in its file."""

    file: Path
    pathway: Pathway
    lines: Mapping[Place, int]

    def line(self, flaw: Flaw) -> int:
        """Where a flaw is read."""
        return _line_of(self.lines, flaw.place)

    def remark(self, flaw: Flaw) -> str:
        """`slime.yaml:23: la tâche…`."""
        return _remark(self.file, self.line(flaw), flaw.sentence)


def read(file: Path) -> PathwayFile:
    """The pathway in this file. Raises `Misread`."""
    root = _compose(file)
    lines: dict[Place, int] = {(): root.start_mark.line + 1}
    if flaws := list(_walk(root, (), lines)):
        raise Misread([_remark(file, line, sentence) for line, sentence in flaws])
    try:
        pathway = Pathway.model_validate(yaml.SafeLoader("").construct_document(root))
    except ValidationError as error:
        found = sorted({(_line_of(lines, flaw.place), flaw.sentence) for flaw in _flaws(error)})
        raise Misread([_remark(file, line, sentence) for line, sentence in found]) from error
    except yaml.YAMLError as error:
        raise Misread([_unreadable(file, error)]) from error
    return PathwayFile(file, pathway, lines)


def _compose(file: Path) -> yaml.MappingNode:
    try:
        root = yaml.compose(file.read_text(encoding="utf-8"), Loader=_Plain)
    except yaml.YAMLError as error:
        raise Misread([_unreadable(file, error)]) from error
    except UnicodeDecodeError as error:
        raise Misread([f"{file.name}: ce fichier n’est pas un texte en UTF-8"]) from error
    except OSError as error:
        raise Misread([f"{file}: le fichier n’existe pas ou ne peut pas être ouvert"]) from error
    if root is None:
        raise Misread([f"{file.name}: le fichier est vide"])
    if not isinstance(root, yaml.MappingNode):
        raise Misread([_remark(file, root.start_mark.line + 1, _SENTENCES["dict_type"].format(field="le parcours"))])
    return root


def _walk(node: yaml.Node, place: Place, lines: dict[Place, int]) -> Iterator[tuple[int, str]]:
    """Note the line of every key and item; yield the keys that are written twice, of which YAML keeps the last."""
    if isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            lines[(*place, index)] = item.start_mark.line + 1
            yield from _walk(item, (*place, index), lines)
    if not isinstance(node, yaml.MappingNode):
        return
    for key, value in node.value:
        line = key.start_mark.line + 1
        if not isinstance(key, yaml.ScalarNode):
            yield line, "une clé est un nom, pas une liste"
            continue
        if (*place, key.value) in lines:
            yield line, f"« {key.value} » est écrit deux fois (déjà ligne {lines[(*place, key.value)]})"
        lines[(*place, key.value)] = line
        yield from _walk(value, (*place, key.value), lines)


def _line_of(lines: Mapping[Place, int], place: Place) -> int:
    """The line of a place, or of the nearest thing that contains it; what is not of the file is passed over."""
    here: Place = ()
    for part in place:
        if (*here, part) in lines:
            here = (*here, part)
    return lines[here]


def _flaws(error: ValidationError) -> Iterator[Flaw]:
    for each in error.errors():
        cause = each.get("ctx", {}).get("error")
        if isinstance(cause, Flawed):
            yield from cause.flaws
        else:
            yield Flaw(each["loc"], _sentence(each))


def _sentence(error: Any) -> str:
    """What pydantic found, said in French to whoever wrote the file."""
    named = [part for part in error["loc"] if not str(part).startswith("[")]
    field = next((str(part) for part in reversed(named) if not isinstance(part, int)), "")
    facts = {**error.get("ctx", {}), "field": field}
    if error["type"] == "value_error":
        return str(facts["error"])
    if error["type"] == "enum":
        return f"« {error['input']} » n’est pas possible pour « {field} » : {_choices(facts['expected'])}"
    if error["type"] == "string_pattern_mismatch":
        return f"« {error['input']} » : {_DELAY if 'wd' in facts['pattern'] else _NAME}"
    if error["type"] == "extra_forbidden" and (close := get_close_matches(field, _KEYS, n=1)):
        return f"« {field} » n’existe pas ici ; vouliez-vous dire « {close[0]} » ?"
    return _SENTENCES.get(error["type"], "« {field} » n’est pas juste").format(**facts)


def _choices(expected: str) -> str:
    return expected.replace("'", "").replace(" or ", ", ")


def _every_key(schema: Mapping[str, Any]) -> frozenset[str]:
    models = [schema, *schema.get("$defs", {}).values()]
    return frozenset(key for model in models for key in model.get("properties", {}))


_KEYS: Final = _every_key(Pathway.model_json_schema())


def _unreadable(file: Path, error: yaml.YAMLError) -> str:
    if isinstance(error, yaml.reader.ReaderError):
        return f"{file.name}: un caractère qui ne s’écrit pas dans un texte"
    mark, problem = getattr(error, "problem_mark", None), str(getattr(error, "problem", error))
    told = f"{getattr(error, 'context', '')} {problem}"
    known = (ours for english, ours in _YAML.items() if english in told)
    sentence = next(known, f"ce n’est pas du YAML ({problem})")
    return _remark(file, mark.line + 1, sentence) if mark else f"{file.name}: {french(sentence)}"


def _remark(file: Path, line: int, sentence: str) -> str:
    return f"{file.name}:{line}: {french(sentence)}"
