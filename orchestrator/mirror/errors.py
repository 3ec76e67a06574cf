"""What MLflow's errors mean."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from orchestrator.mirror.uri import masked
from sweeps.errors import UnavailableError, UsageError

# Errors about one run or one experiment: the others are tried.
_OF_ONE_RUN = {"INVALID_PARAMETER_VALUE", "INVALID_STATE", "RESOURCE_DOES_NOT_EXIST"}


class Refused(UsageError):
    """MLflow refuses one run or one experiment."""


@contextmanager
def translated(uri: str) -> Generator[None]:
    """Raises Refused for an error about one run, else UnavailableError; neither shows a password."""
    # Not at the top: a sync with nothing new imports none of them.
    from mlflow.exceptions import MlflowException
    from requests import RequestException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except MlflowException as error:
        if error.error_code in _OF_ONE_RUN:
            raise Refused(_sentence(uri, str(error))) from error
        if error.error_code in ("UNAUTHENTICATED", "PERMISSION_DENIED", "CUSTOMER_UNAUTHORIZED"):
            raise UnavailableError(
                f"MLflow at {masked(uri)} refuses the user name or password: "
                f"set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD"
            ) from error
        raise UnavailableError(f"MLflow at {masked(uri)} failed: {_sentence(uri, str(error))}") from error
    except (RequestException, SQLAlchemyError, ImportError, OSError) as error:
        raise UnavailableError(f"MLflow at {masked(uri)} failed: {_sentence(uri, str(error))}") from error


def _sentence(uri: str, text: str) -> str:
    """The first line of an error that says something, without the secret of the URI."""
    lines = text.replace(uri, masked(uri)).strip().splitlines() or ["no reason given"]
    return next((line for line in lines if not line.startswith("(raised as a result of")), lines[0])[:300]
