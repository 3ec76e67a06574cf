"""Tables that have a name instead of a file: `sklearn:NAME`, `openml:ID`."""

from __future__ import annotations

import hashlib
import http.client
import inspect
import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sweeps.errors import MissingError, UnavailableError, UsageError
from sweeps.words.near import one_of
from trainers.data.tables import cells, formats
from trainers.data.tables.raw import Options, Raw

SERVER = "https://www.openml.org"
SECONDS = 60.0  # without a byte


def of_sklearn(name: str) -> Raw:
    """A data set that scikit-learn ships. UsageError for one that it does not ship or that is no table."""
    from sklearn import datasets

    shipped = {
        loader.removeprefix("load_"): getattr(datasets, loader)
        for loader in datasets.__all__
        if loader.startswith("load_") and "as_frame" in inspect.signature(getattr(datasets, loader)).parameters
    }
    bunch = shipped[one_of("data set of scikit-learn", name, shipped)](as_frame=True)
    if not hasattr(bunch.target, "name"):
        raise UsageError(f"sklearn:{name} has several targets, and no classes")
    frame = bunch.frame.copy()
    classes = getattr(bunch, "target_names", None)
    if classes is not None and frame[bunch.target.name].nunique() == len(classes):
        words = {label: str(word) for label, word in enumerate(classes)}
        if not all(str(label) == word for label, word in words.items()):
            frame[bunch.target.name] = frame[bunch.target.name].map(words)
    return formats.of_frame(frame, ["scikit-learn"], bunch.target.name)


def of_openml(number: str, options: Options, server: str = "") -> tuple[Raw, str]:
    """A data set of OpenML, downloaded and checked, and its licence. MissingError, UnavailableError, UsageError."""
    if not cells.whole(number):
        raise UsageError(f"openml:{number} is no data set: write the number of one, such as openml:61")
    url = f"{(server or SERVER).rstrip('/')}/api/v1/json/data/{number}"
    answer = _download(url)
    try:
        described: Mapping[str, Any] = json.loads(answer)["data_set_description"]
        form, file = str(described.get("format", "ARFF")).lower(), str(described["url"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UnavailableError(f"{url} does not answer as OpenML does ({error!r})") from None
    if f".{form}" not in (".arff", ".parquet"):
        raise UsageError(f"openml:{number} is kept as {described['format']}, which is not read")
    data = _download(file)
    md5 = described.get("md5_checksum")
    if md5 and hashlib.md5(data, usedforsecurity=False).hexdigest() != md5:
        raise UnavailableError(f"{file} came with another checksum than OpenML gives: repeat later")
    try:
        raw = formats.READERS[f".{form}"](data, options)
    except UsageError as error:
        raise UsageError("\n".join(f"openml:{number}: {line}" for line in str(error).splitlines())) from None
    target = str(described.get("default_target_attribute") or raw.target)
    drop = [*_names(described.get("ignore_attribute")), *_names(described.get("row_id_attribute"))]
    said = (f"OpenML {number}: {described.get('name')}, version {described.get('version')}", *raw.said)
    return replace(raw, target=target, drop=tuple(drop), said=said), str(described.get("licence") or "")


def _names(value: Any) -> list[str]:
    if not value:
        return []
    return (
        [str(name) for name in value] if isinstance(value, list) else [name.strip() for name in str(value).split(",")]
    )


def _download(url: str) -> bytes:
    if not url.startswith(("http://", "https://")):
        raise UsageError(f"{url} is no address of a server: write http:// or https://")
    try:
        with urllib.request.urlopen(url, timeout=SECONDS) as answer:  # noqa: S310
            content = answer.read(formats.MOST + 1)
    except urllib.error.HTTPError as error:
        if error.code in (404, 412):  # as OpenML says that there is no such data set
            raise MissingError(f"{url} is not there ({error.code}): OpenML has no such data set") from None
        raise UnavailableError(f"{url} does not answer ({error}): repeat later, or import a file of it") from None
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", error)
        raise UnavailableError(f"{url} cannot be reached ({reason}): import a file of it instead") from None
    except ValueError as error:
        raise UsageError(f"{url} is no address of a server ({error}): mend it") from None
    if len(content) > formats.MOST:
        raise UsageError(f"{url} holds more than {formats.MOST:,} bytes: download it, and import the file")
    return content
