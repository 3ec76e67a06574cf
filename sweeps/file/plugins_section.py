"""The `plugins` section of a sweep file: files of the user's own, or what a record says of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sweeps.errors import UsageError
from sweeps.file.document import Node, each
from sweeps.plugins.loading import find, read
from sweeps.plugins.plugin import Plugin
from sweeps.plugins.use import alone


def plugins_section(node: Node, folder: Path) -> tuple[Plugin, ...]:
    """The plug-ins, files read and run. Mistakes, each with its place, for what is none and for a taken name."""

    def one(element: Node) -> Plugin:
        if isinstance(element.value, dict) and not element.place.line:  # of no file: what `as_json` wrote
            try:
                return Plugin.from_json(element.data())
            except (AttributeError, KeyError, TypeError):
                raise element.error(f"{element} is no record of a plug-in") from None
        if not isinstance(element.value, str):
            raise element.error(f"a plug-in is a file such as my_rms.py, not {element}")
        try:
            return read(find(element.value, folder), element.value)
        except UsageError as error:
            raise element.error(str(error)) from None

    found = tuple(each(one, node.elements() if node.value is not None else ()))
    try:
        with alone(found):
            return found
    except UsageError as error:
        raise node.error(str(error)) from None


def as_json(plugins: tuple[Plugin, ...]) -> dict[str, Any]:
    """The section as a record has it; nothing where there are none, so that records without it stay as they are."""
    return {"plugins": [plugin.as_json() for plugin in plugins]} if plugins else {}
