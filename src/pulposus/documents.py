"""Documents that people write: YAML 1.2 in, a validated model out, every problem at once with its line.

`read_document` keeps the position of every key, so that each problem names file, line, column and field, what is allowed and what to do.
Unknown keys are refused with the nearest known one. Nothing is computed here.
"""

from __future__ import annotations

import datetime
import difflib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, get_args

import pydantic

from pulposus.errors import InvalidDocument, InvalidInput

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

LARGEST_DOCUMENT = 5_000_000
"""Bytes; a protocol has a few thousand, an imported disc some ten thousand."""
_LARGEST_TREE = 200_000
_DEEPEST_TREE = 40

Location = tuple[int | str, ...]
Model = TypeVar("Model", bound="pydantic.BaseModel")


class Document(pydantic.BaseModel):
    """Base of every document schema: immutable, unknown keys refused, field docstrings become descriptions."""

    model_config = pydantic.ConfigDict(
        extra="forbid", frozen=True, use_attribute_docstrings=True, allow_inf_nan=False, protected_namespaces=()
    )


def read_document(
    source: Path | str, model: type[Model], *, overrides: Sequence[str] = (), name: str | None = None
) -> Model:
    """Read, override and validate a document.

    Args:
        source: A file (`Path`), or the YAML text itself (`str`).
        model: Schema of the document.
        overrides: `key=value` pairs that replace or add values, nested keys with dots: `"dose.cells=4e6 cell"`, `"arms.0.name=sham"`.
        name: Name of the document in messages; the path where left out.

    Raises:
        InvalidInput: The file cannot be read, or is not one YAML mapping.
        InvalidDocument: The content does not fit the schema; holds every problem.
    """
    label = name or (str(source) if isinstance(source, Path) else "document")
    text = read_text(source, label) if isinstance(source, Path) else source
    tree = _parse(text, label)
    data = _plain(tree, label)
    overridden = _apply_overrides(data, overrides)
    try:
        return model.model_validate(data)
    except pydantic.ValidationError as error:
        report = _Report(label, tree, model, data, overridden)
        problems = sorted(
            (report.problem(detail) for detail in error.errors(include_url=False)), key=lambda item: item[0]
        )
        raise InvalidDocument(label, [problem for _, problem in problems]) from None


def top_level_keys(path: Path) -> set[str]:
    """Keys of a YAML file, which tell what kind of document it is.

    Raises:
        InvalidInput: The file cannot be read, or is not one YAML mapping.
    """
    return {str(key) for key in _parse(read_text(path, str(path)), str(path))}


def nearest(word: str, known: Iterable[str]) -> str:
    """Remedy text that names the known word most like `word`; empty where none is near."""
    matches = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f'did you mean "{matches[0]}"?' if matches else ""


def read_text(path: Path, label: str, *, kind: str = "YAML") -> str:
    """The text of a file that people write.

    Args:
        path: The file, encoded as UTF-8.
        label: Name in messages.
        kind: What the file should be, in messages.

    Raises:
        InvalidInput: It is not there, a folder, too large or no text, or it may not be read.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        folder = path.parent
        siblings = [entry.name for entry in folder.iterdir()] if folder.is_dir() else []
        raise InvalidInput(
            "the file does not exist",
            where=label,
            allowed=f"a {kind} file",
            remedy=nearest(path.name, siblings) or "check the path",
        ) from None
    except IsADirectoryError:
        raise InvalidInput("this is a folder", where=label, allowed=f"a {kind} file") from None
    except OSError as error:
        raise InvalidInput(
            f"the file cannot be read ({error.strerror})", where=label, remedy="check its permissions"
        ) from None
    if len(content) > LARGEST_DOCUMENT:
        raise InvalidInput(
            "the file is too large", where=label, allowed=f"a {kind} text of at most {LARGEST_DOCUMENT // 1_000_000} MB"
        )
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise InvalidInput("the file is not text", where=label, allowed=f"{kind}, encoded as UTF-8")
    return text


def _parse(text: str, label: str) -> Mapping[str, Any]:
    """The round-trip tree of `text`, whose mappings know the line and column of every key and value."""
    from ruamel.yaml import YAML
    from ruamel.yaml.constructor import DuplicateKeyError
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    try:
        tree = YAML(typ="rt").load(text)
    except DuplicateKeyError as error:
        key = re.search(r'"(.*?)"', error.problem or "")
        what = f'the key "{key[1]}" stands twice' if key else "a key stands twice"
        raise InvalidInput(what, where=_mark(label, error), remedy="keep one of the two") from None
    except MarkedYAMLError as error:
        problem = (error.problem or error.context or "the text cannot be parsed").splitlines()[0]
        raise InvalidInput(
            f"not valid YAML: {problem}", where=_mark(label, error), remedy="check indentation, quotes and colons"
        ) from None
    except (YAMLError, ValueError) as error:
        raise InvalidInput(f"not valid YAML: {str(error).splitlines()[0]}", where=label) from None
    if tree is None:
        raise InvalidInput("the document is empty", where=label, allowed="keys with values, one per line")
    if not isinstance(tree, Mapping):
        kind = "a list" if isinstance(tree, list) else "a single value"
        raise InvalidInput(f"the document is {kind}", where=label, allowed="keys with values, one per line")
    return tree


def _mark(label: str, error: Any) -> str:
    mark = error.problem_mark or error.context_mark
    return f"{label}:{mark.line + 1}:{mark.column + 1}" if mark else label


def _plain(tree: Mapping[str, Any], label: str) -> dict[str, Any]:
    """Plain dictionaries, lists and scalars of a round-trip tree; dates become text.

    An alias is expanded, so the number of nodes and the depth are limited: a text of ten lines can otherwise describe a billion values.
    """
    from ruamel.yaml.scalarbool import ScalarBoolean

    count = 0

    def convert(node: Any, depth: int) -> Any:
        nonlocal count
        count += 1
        if count > _LARGEST_TREE or depth > _DEEPEST_TREE:
            raise InvalidInput(
                "the document is nested too deeply or repeats itself",
                where=label,
                remedy="write it without anchors (&, *)",
            )
        if isinstance(node, Mapping):
            return {str(key): convert(value, depth + 1) for key, value in node.items()}
        if isinstance(node, list):
            return [convert(value, depth + 1) for value in node]
        if node is None:
            return node
        if isinstance(node, bool | ScalarBoolean):
            return bool(node)
        for kind in (int, float, str):
            if isinstance(node, kind):
                return kind(node)
        if isinstance(node, datetime.date):
            return node.isoformat()
        raise InvalidInput(
            f"the tag of {str(node)!r} is not understood",
            where=label,
            remedy="write plain text, numbers, lists and keys",
        )

    return convert(tree, 0)


def _apply_overrides(data: dict[str, Any], overrides: Sequence[str]) -> dict[Location, str]:
    """Put `key=value` texts into `data`; returns where each one went."""
    applied: dict[Location, str] = {}
    for override in overrides:
        option = f"--set {override}"
        key, equals, text = override.partition("=")
        steps = key.strip().split(".")
        if not equals or not all(steps):
            raise InvalidInput(
                f'"{override}" is not key=value', where=option, allowed='for example "dose.cells=4e6 cell"'
            )
        applied[_set(data, steps, _override_value(text, option), option)] = option
    return applied


def _override_value(text: str, option: str) -> Any:
    """A value of the command line, read as YAML; a flow mapping or list is allowed."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        value = YAML(typ="rt").load(text)
    except (YAMLError, ValueError):
        raise InvalidInput("the value is not valid YAML", where=option, remedy="quote it") from None
    return _plain({"value": value}, option)["value"]


def _set(data: dict[str, Any], steps: list[str], value: Any, option: str) -> Location:
    node: Any = data
    location: list[int | str] = []
    for step in steps:
        index = _index(node, step, option, ".".join(str(part) for part in location))
        location.append(index)
        if len(location) == len(steps):
            node[index] = value
        else:
            if isinstance(node, dict) and node.get(str(index)) is None:
                node[index] = {}
            node = node[index]
    return tuple(location)


def _index(node: Any, step: str, option: str, parent: str) -> int | str:
    if isinstance(node, dict):
        return step
    if isinstance(node, list):
        if step.isdecimal() and int(step) < len(node):
            return int(step)
        raise InvalidInput(
            f'"{parent}" has no item "{step}"',
            where=option,
            allowed=f"0 to {len(node) - 1}" if node else "it is an empty list",
        )
    raise InvalidInput(f'"{parent}" is a single value, it has no "{step}"', where=option)


class _Report:
    """Turns pydantic's error details into problems with a position, what is allowed and a remedy."""

    def __init__(
        self,
        label: str,
        tree: Mapping[str, Any],
        model: type[pydantic.BaseModel],
        data: Any,
        overridden: Mapping[Location, str],
    ):
        self.label = label
        self.tree = tree
        self.model = model
        self.data = data
        self.overridden = overridden

    def problem(self, detail: ErrorDetails) -> tuple[tuple[int, int], InvalidInput]:
        """The position in the text, for sorting, and the problem."""
        loc = detail["loc"]
        if detail["type"] == "union_tag_invalid":
            loc = (*loc, detail.get("ctx", {})["discriminator"].strip("'"))
        location = self._field(loc, keep_last=detail["type"] == "missing")
        position, where = self._where(location, at_key=detail["type"] == "extra_forbidden")
        what, allowed, remedy = self._explain(detail, location)
        return position, InvalidInput(what, where=where, allowed=allowed, remedy=remedy)

    def _field(self, loc: Location, *, keep_last: bool) -> Location:
        """The path inside the document: pydantic also lists the branches of unions, which are no keys."""
        node: Any = self.data
        path: list[int | str] = []
        for position, step in enumerate(loc):
            if _has(node, step):
                node = node[step]
                path.append(step)
            elif keep_last and position == len(loc) - 1:
                path.append(step)
        return tuple(path)

    def _where(self, location: Location, *, at_key: bool) -> tuple[tuple[int, int], str]:
        field = f" (field {'.'.join(str(step) for step in location)})" if location else ""
        for path, option in self.overridden.items():
            # An override may also have made the group that the problem is about.
            if location[: len(path)] == path or (path[: len(location)] == location and not _holds(self.tree, location)):
                return (10**9, len(option)), f"{option}{field}"
        node: Any = self.tree
        line, column = 0, 0
        for depth, step in enumerate(location, start=1):
            marks = getattr(getattr(node, "lc", None), "data", None) or {}
            if step not in marks:
                break
            mark = marks[step]
            line, column = mark[:2] if at_key and depth == len(location) else mark[-2:]
            node = node[step]
        return (line, column), f"{self.label}:{line + 1}:{column + 1}{field}"

    def _explain(self, detail: ErrorDetails, location: Location) -> tuple[str, str, str]:
        """What happened, what is allowed, what to do."""
        context = detail.get("ctx", {})
        kind = detail["type"]
        value = detail["input"]
        if kind == "quantity":
            return context["what"], context["allowed"], context["remedy"]
        if kind == "missing":
            name = str(location[-1])
            described = [
                model.model_fields[name].description or ""
                for model in self._models_at(detail["loc"][:-1])
                if name in model.model_fields
            ]
            return f'the key "{name}" is missing', next(iter(described), ""), f'add "{name}"'
        if kind == "extra_forbidden":
            known = [name for model in self._models_at(detail["loc"][:-1]) for name in model.model_fields]
            return f'unknown key "{location[-1]}"', ", ".join(known), nearest(str(location[-1]), known)
        if kind == "value_error":
            return str(context["error"]), "", ""
        if kind == "union_tag_not_found":
            name = context["discriminator"].strip("'")
            return f'the key "{name}" is missing', "", f'add "{name}"'
        if kind == "union_tag_invalid":
            tags = context["expected_tags"]
            return (
                f'"{context["tag"]}" cannot be used here',
                tags,
                nearest(context["tag"], re.findall(r"'([^']*)'", tags)),
            )
        allowed = re.sub(r"^(Input|Value|List|String|Dictionary|Tuple) should ", "", detail["msg"])
        allowed = re.sub(r"^(be|have) |, unable to .*$", "", allowed)
        remedy = nearest(value, re.findall(r"'([^']*)'", allowed)) if isinstance(value, str) else ""
        return f"{_shown(value)} cannot be used here", allowed, remedy

    def _models_at(self, loc: Location) -> list[type[pydantic.BaseModel]]:
        """Schemas that may stand at a place of the document; the tag of a union's branch selects one."""
        models: list[type[pydantic.BaseModel]] = [self.model]
        for step in loc:
            if not isinstance(step, str):
                continue
            fields = [model.model_fields[step] for model in models if step in model.model_fields]
            tagged = [
                model
                for model in models
                if any(step in get_args(field.annotation) for field in model.model_fields.values())
            ]
            models = (
                [inner for field in fields for inner in _models_in(field.annotation)] if fields else tagged or models
            )
        return models


def _has(node: Any, step: int | str) -> bool:
    """Whether a plain node has this key or item."""
    if isinstance(node, list):
        return isinstance(step, int) and step < len(node)
    return isinstance(node, dict) and step in node


def _holds(tree: Any, location: Location) -> bool:
    """Whether the text itself has something at a place."""
    for step in location:
        if not _has(tree, step):
            return False
        tree = tree[step]
    return True


def _models_in(annotation: Any) -> Iterator[type[pydantic.BaseModel]]:
    """Every schema inside an annotation such as `list[Arm] | None`."""
    if isinstance(annotation, type) and issubclass(annotation, pydantic.BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models_in(inner)


def _shown(value: Any) -> str:
    if isinstance(value, dict | list):
        return "a group of keys" if isinstance(value, dict) else "a list"
    if value is None:
        return "an empty value"
    text = f'"{value}"' if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else str(value)
    return text if len(text) <= 60 else f'{text[:56]}..."'
