"""Many runs from an MLflow server, by its documented REST API, several pages at a time.

MLflow's own client asks for one page after the other and needs twenty times as long to unpack one.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import Any

from orchestrator.mirror.tracker import Selected

PAGE = 1000
_FEW = 100  # runs of the first answer; where there are more, they are asked for by the first digit of their ids
_SECONDS = 120  # that a page may take on a busy server


def rest_pages(uri: str, experiments: list[str], query: str, threads: int) -> Iterator[list[Selected]]:
    """The runs that the filter selects, in no order, some of them twice."""
    first, more = _page(uri, experiments, query, _FEW, None)
    yield first
    if more:
        with ThreadPoolExecutor(threads) as pool:
            parts = [f"{query} AND attributes.run_id LIKE '{digit}%'" for digit in "0123456789abcdef"]
            for answer in as_completed([pool.submit(_all_pages, uri, experiments, part) for part in parts]):
                yield answer.result()


def _all_pages(uri: str, experiments: list[str], query: str) -> list[Selected]:
    runs, token = _page(uri, experiments, query, PAGE, None)
    while token:
        page, token = _page(uri, experiments, query, PAGE, token)
        runs += page
    return runs


def _page(
    uri: str, experiments: list[str], query: str, size: int, token: str | None
) -> tuple[list[Selected], str | None]:
    from mlflow.utils.credentials import get_default_host_creds
    from mlflow.utils.rest_utils import http_request_safe

    request = {"experiment_ids": experiments, "filter": query, "max_results": size, "page_token": token}
    reply = http_request_safe(
        get_default_host_creds(uri), "/api/2.0/mlflow/runs/search", "POST", json=request, timeout=_SECONDS
    )
    answer: dict[str, Any] = reply.json()
    return [_selected(run["data"]) for run in answer.get("runs", [])], answer.get("next_page_token")


def _selected(data: dict[str, list[dict[str, Any]]]) -> Selected:
    return Selected(
        *({entry["key"]: entry["value"] for entry in data.get(kind, [])} for kind in ("params", "metrics", "tags"))
    )
