"""Which source trains a trial: a digest of the modules that define its method, its model and its optimizer.

It says when the results of two programs may differ though the trials' ids agree; it is no part of an id.
"""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import trainers
from sweeps.identity import digest, sha256
from sweeps.words.composition import parts
from sweeps.words.kinds import entry_of

HOME = Path(trainers.__file__).resolve().parent
_OPTIMIZER = ("trainers.optim.build", "trainers.schedule")  # beside the optimizer's own module
_LAYOUT = (tokenize.COMMENT, tokenize.NL, tokenize.ENCODING, tokenize.ENDMARKER)
_MARKS = {tokenize.NEWLINE: "\n", tokenize.INDENT: ">", tokenize.DEDENT: "<"}


@cache
def source_digest(normalizer: str, model: str, optimizer: str = "sgd", home: Path = HOME) -> str:
    """Of the modules that define them and of all that these import of `trainers`, 64 hex digits.

    Comments, docstrings and layout do not count. `home`: the folder of the package.
    """
    todo, known = list(defining(normalizer, model, optimizer)), dict[str, str]()
    while todo:
        name = todo.pop()
        path = _file(name, home)
        if path is not None and name not in known:
            known[name], imported = _read(path)
            todo += imported
    return digest(known)


def defining(normalizer: str, model: str, optimizer: str = "sgd") -> tuple[str, ...]:
    """The modules that define the method, or the parts of a composition, the model, and the optimizer.

    Of a plug-in those of ours that it is built on; the file itself is part of the trials' identity.
    """
    entries = [*(entry_of("normalizer", part) for part in parts(normalizer))]
    entries += [entry_of("model", model), entry_of("optimizer", optimizer)]
    return (*(module for entry in entries for module in (entry.base if entry.plugin else (entry.module,))), *_OPTIMIZER)


@cache
def _read(path: Path) -> tuple[str, tuple[str, ...]]:
    """The digest of a module's tokens, and the modules of `trainers` that it may import."""
    text = path.read_text()
    return sha256("".join(_tokens(text))), tuple(_imported(ast.parse(text)))


def _tokens(text: str) -> Iterator[str]:
    """What is computed, without spaces and double braces: an f-string is one token in Python 3.11, several later."""
    before, docstring = tokenize.NEWLINE, ""
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type in _LAYOUT:
            continue
        if docstring and token.type == tokenize.NEWLINE:
            docstring = ""
            continue
        yield docstring  # which was none: more of its line follows
        alone = token.type == tokenize.STRING and before in _MARKS
        docstring = token.string if alone else ""
        if not alone:
            said = _MARKS.get(token.type, token.string)
            yield "".join(said.split(" ")).replace("{{", "{").replace("}}", "}")
        before = token.type


def _imported(tree: ast.AST) -> Iterator[str]:
    if isinstance(tree, ast.If) and ast.unparse(tree.test) == "TYPE_CHECKING":
        return
    if isinstance(tree, ast.Import):
        yield from (alias.name for alias in tree.names)
    if isinstance(tree, ast.ImportFrom) and tree.module:
        yield from (tree.module, *(f"{tree.module}.{alias.name}" for alias in tree.names))
    for node in ast.iter_child_nodes(tree):
        yield from _imported(node)


def _file(module: str, home: Path) -> Path | None:
    """None for what is no module of `trainers`."""
    package, *inner = module.split(".")
    if package != HOME.name or not inner:
        return None
    path = home.joinpath(*inner)
    for file in (path.with_suffix(".py"), path / "__init__.py"):
        if file.is_file():
            return file
    return None
