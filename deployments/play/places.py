"""Where in its file a thing is said, so that every sentence about a story names the line."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from deployments.play.mistakes import Way
from services.foundation import yaml_files
from services.foundation.errors import Setup

_BOOL: Final = "tag:yaml.org,2002:bool"
_TIMESTAMP: Final = "tag:yaml.org,2002:timestamp"


class _Words(yaml_files.Loader):
    """YAML in which `on`, `no` and dates are words: only `true` and `false` are not."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - as the base declares it
        first: [(tag, pattern) for tag, pattern in found if tag not in {_BOOL, _TIMESTAMP}]
        for first, found in yaml_files.Loader.yaml_implicit_resolvers.items()
    }


_Words.add_implicit_resolver(_BOOL, re.compile(r"^(true|false)$"), list("tf"))


@dataclass(frozen=True)
class Written:
    """A file of stories: what it says, and where it says it."""

    file: Path
    content: dict[str, Any]
    root: yaml.Node

    def at(self, place: Way = ()) -> str:
        """`s1_lucette.yaml, ligne 12`: the line of a place, or of the nearest thing around it."""
        return f"{self.file.name}, ligne {_line(self.root, place)}"


def read(file: Path) -> Written:
    """The content of a file, every word of it said once. Raises `Setup`."""
    try:
        loader = _Words(file.read_text(encoding="utf-8"))
        root = loader.get_single_node()
        content = loader.construct_document(root) if root else None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"{file.name}, ligne {mark.line + 1}" if mark else file.name
        raise Setup(f"{place}\u00a0: ce YAML ne se lit pas ({error.problem}).") from error
    except (OSError, yaml.YAMLError) as error:
        raise Setup(f"Le fichier {file} ne se lit pas\u00a0: {error}") from error
    if root is None or not isinstance(content, dict):
        raise Setup(f"Le fichier {file.name} n’est ni une histoire ni un cadre d’histoires.")
    for key in _twice(root):
        line = key.start_mark.line + 1
        raise Setup(f"{file.name}, ligne {line}\u00a0: «\u00a0{key.value}\u00a0» est dit deux fois au même endroit.")
    return Written(file, content, root)


def _line(node: yaml.Node, place: Way) -> int:
    line = node.start_mark.line
    for part in place:
        found = _inner(node, part)
        if found is None:
            break
        line, node = found[0].start_mark.line, found[1]
    return int(line) + 1


def _inner(node: yaml.Node, part: int | str) -> tuple[yaml.Node, yaml.Node] | None:
    """Where a part begins, and what it holds."""
    if isinstance(node, yaml.MappingNode):
        return next(((key, value) for key, value in node.value if key.value == str(part)), None)
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        return node.value[part], node.value[part]
    return None


def _twice(node: yaml.Node) -> Iterator[yaml.Node]:
    """Keys that a mapping says a second time: the first would be lost without a word."""
    if isinstance(node, yaml.MappingNode):
        seen = set()
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value in seen:
                yield key
            seen.add(key.value if isinstance(key, yaml.ScalarNode) else None)
            yield from _twice(value)
    elif isinstance(node, yaml.SequenceNode):
        for each in node.value:
            yield from _twice(each)
