"""Config files: YAML with overrides and a base, checked against `specsr.train.config.Config`."""

from __future__ import annotations

import difflib
import re
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from specsr.errors import SpecsrError
from specsr.train.config import Config

LARGEST = 1 << 20
"""Most bytes of a config."""
DEEPEST = 50
"""Most levels of nested brackets."""


def load_config(path: str | Path, overrides: list[str] | None = None) -> Config:
    """Read a YAML config and apply ``section.key=value`` overrides (values are YAML).

    A config with ``base: other.yaml`` (in the same folder) contains only the differences to it.

    Raises:
        SpecsrError: missing or damaged file, unknown key (the message names the nearest valid one),
            a value of the wrong type or out of range.
    """
    path = Path(path)
    tree = _read_tree(path)
    for override in overrides or []:
        key, separator, value = override.partition("=")
        if not separator:
            raise SpecsrError(f"{override!r}: expected section.key=value, as in train.steps=100")
        node = tree
        *parents, leaf = key.split(".")
        for parent in parents:
            node = node.setdefault(parent, {})
            if not isinstance(node, dict):
                raise SpecsrError(f"{override!r}: {parent} is a value, not a section")
        try:
            node[leaf] = _parse(value)
        except ValueError as error:
            why = " ".join(str(error).split())  # of several lines
            raise SpecsrError(f"{override!r}: the value is not YAML ({why})") from None
    try:
        return Config.model_validate(tree)
    except ValidationError as error:
        raise SpecsrError(f"{path}: " + "; ".join(map(_explain, error.errors()[:10]))) from None


def _read_tree(path: Path, above: tuple[Path, ...] = ()) -> dict[str, Any]:
    """Return the sections of a file, merged into those of its base."""
    try:
        if path.exists() and not path.is_file():
            raise SpecsrError(f"{path}: not a file: expected a config such as configs/map.yaml")
        if path.stat().st_size > LARGEST:
            raise SpecsrError(f"{path}: larger than {LARGEST} bytes: not a config")
        tree = _parse(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SpecsrError(
            f"{path}: no such config; the ones that come with specsr are in configs/"
        ) from None
    except (OSError, ValueError) as error:
        if isinstance(error, SpecsrError):
            raise
        why = " ".join(str(error).split())
        raise SpecsrError(f"{path}: not a readable YAML file ({why})") from None
    if not isinstance(tree, dict):
        raise SpecsrError(f"{path}: expected sections such as pair:, data: and train:")
    base = tree.pop("base", None)
    if base is None:
        return tree
    if not isinstance(base, str) or "\0" in base:
        raise SpecsrError(
            f"{path}: base is {base!r}: expected the name of a config in the same folder"[:500]
        )
    below = path.parent / base
    if below.resolve() in above:
        raise SpecsrError(f"{path}: its base {base} is based on it in turn")
    try:
        return _merge(_read_tree(below, (*above, path.resolve())), tree)
    except SpecsrError as error:
        text = str(error)
        raise SpecsrError(text if str(path) in text else f"{path}: base: {text}") from None


_READ_OTHERWISE = (
    ("bool", re.compile(r"(?!(true|false)$)", re.I), "a truth value in YAML: write true or false"),
    ("int", re.compile(r"[-+]?0[0-7_]+$"), "octal in YAML: write it without the leading zero"),
    ("int", re.compile(r".*:"), "a number of base 60 in YAML: write it in one unit"),
    ("float", re.compile(r".*:"), "a number of base 60 in YAML: write it in one unit"),
    ("float", re.compile(r"[-+]?\.(inf|nan)$", re.I), "no finite number: leave the key out"),
    ("timestamp", re.compile(""), "a date in YAML: put quotes around text"),
)
"""Type, pattern of plain text, and reason: values of YAML 1.1 that hardly any author means."""


class _Loader(yaml.SafeLoader):
    """Plain values, every key once; tags of Python objects are refused.

    Refused too are values that YAML 1.1 reads otherwise than most readers (`_READ_OTHERWISE`).

    No aliases: a few lines of them can expand to more than fits in memory.
    """

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        seen = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key.value[:40]!r} is there twice", key.start_mark
                )
            seen.add(key.value if isinstance(key, yaml.ScalarNode) else None)
        return super().construct_mapping(node, deep)

    def compose_scalar_node(self, anchor: Any) -> Any:
        node = super().compose_scalar_node(anchor)
        kind = node.tag.removeprefix("tag:yaml.org,2002:")
        for unusual, pattern, reason in _READ_OTHERWISE:
            if node.style is None and kind == unusual and pattern.match(node.value):
                raise yaml.composer.ComposerError(
                    None, None, f"{node.value[:40]!r} is {reason}", node.start_mark
                )
        return node

    def fetch_flow_collection_start(self, token: Any) -> None:
        if self.flow_level >= DEEPEST:  # the time of the scanner grows as depth²
            raise yaml.scanner.ScannerError(None, None, "nested too deep", self.get_mark())
        super().fetch_flow_collection_start(token)

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            event = self.peek_event()
            raise yaml.composer.ComposerError(
                None,
                None,
                "aliases (*name) are not allowed: write the value out",
                event.start_mark,
            )
        return super().compose_node(parent, index)


def _parse(text: str) -> Any:
    """Return the value of a YAML text.

    Raises:
        ValueError: not YAML, or nested too deep.
    """
    try:
        return yaml.load(text, _Loader)
    except RecursionError:
        raise ValueError("nested too deep") from None
    except (yaml.YAMLError, LookupError, ArithmeticError, TypeError, AttributeError) as error:
        raise ValueError(str(error)[:500]) from None


def _merge(below: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """Merge sections key by key; any other value of ``over`` replaces that of ``below``."""
    merged = dict(below)
    for key, value in over.items():
        both = isinstance(value, dict) and isinstance(below.get(key), dict)
        merged[key] = _merge(below[key], value) if both else value
    return merged


def _explain(problem: Any) -> str:
    """Return one line for a pydantic error, with the nearest valid key for an unknown one."""
    where = ".".join(map(str, problem["loc"]))[:200]
    if problem["type"] != "extra_forbidden":
        return f"{where or 'config'}: {problem['msg']}"
    try:
        valid: list[str] = list(_keys(Config, problem["loc"][:-1]))
    except (AttributeError, KeyError, TypeError):
        valid = []  # inside a value that is not a section
    near = difflib.get_close_matches(str(problem["loc"][-1]), valid, n=1, cutoff=0.3)
    hint = f"did you mean {near[0]}?" if near else f"valid keys: {', '.join(valid)}"
    return f"{where}: unknown key; {hint}"


def _keys(model: Any, location: tuple[Any, ...]) -> Any:
    for part in location:
        if isinstance(part, int):
            continue
        annotation = model.model_fields[part].annotation
        model = next((a for a in getattr(annotation, "__args__", ()) if a), annotation)
    return model.model_fields
