"""Pages that the API server shows: reports of validations and HTML files, as tasks have left them in storage.

Imported by the API server alone: what it needs of Airflow is no part of the task SDK.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
from airflow.api_fastapi.common.db.common import SessionDep  # noqa: TC002  (FastAPI reads it)
from airflow.api_fastapi.core_api.security import requires_access_dag
from airflow.models.xcom import XComModel  # noqa: TID251  (in the API server, and not in a task)
from fastapi import Depends, FastAPI, HTTPException
from fastapi.responses import HTMLResponse

from airflow_linepipe import settings
from airflow_linepipe.errors import HandoffError, InvalidReferenceError
from airflow_linepipe.handoff import ArtifactRef, Exchange, check_storage, is_reference, path_below
from airflow_linepipe.handoff.codecs.file import FileCodec
from airflow_linepipe.handoff.layout import run_url
from airflow_linepipe.hooks.storage import open_store
from airflow_linepipe.operators.links import VALIDATION_KEY

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

__all__ = ["app", "find_page"]

# The page has styles of its own, and nothing else is let in, whatever somebody has written into the bucket.
_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
    "frame-ancestors 'self'; sandbox",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}

app = FastAPI(title="linepipe", docs_url=None, redoc_url=None, openapi_url=None)


_READABLE: Final = [Depends(requires_access_dag("GET", DagAccessEntity.XCOM))]


@app.get("/reports/{dag_id}/{run_id:path}/{task_id}/{map_index}", dependencies=_READABLE)
def report(dag_id: str, run_id: str, task_id: str, map_index: int, session: SessionDep) -> HTMLResponse:
    """The report of a validation; who may see the DAG's XComs may see it."""
    summary = _find(session, VALIDATION_KEY, dag_id, run_id, task_id, map_index)
    return _show(summary.get("report") if isinstance(summary, dict) else summary, dag_id, run_id, task_id)


@app.get("/pages/{dag_id}/{run_id:path}/{task_id}/{map_index}", dependencies=_READABLE)
def page(dag_id: str, run_id: str, task_id: str, map_index: int, session: SessionDep) -> HTMLResponse:
    """The HTML file that a task has returned; who may see the DAG's XComs may see it."""
    return _show(find_page(session, dag_id, run_id, task_id, map_index), dag_id, run_id, task_id)


def find_page(session: Session, *task: Any) -> dict[str, Any]:
    """The reference of the HTML file that a task (DAG, run, task, map index) has returned; empty without one."""
    value = _find(session, "return_value", *task)
    if not is_reference(value) or value.get("codec") != FileCodec.name:
        return {}
    return value if str(value.get("uri")).endswith((".html", ".htm")) else {}


def _find(session: Session, key: str, *task: Any) -> Any:
    dag_id, run_id, task_id, map_index = task
    query = XComModel.get_many(run_id=run_id, key=key, dag_ids=dag_id, task_ids=task_id, map_indexes=map_index)
    found: Any = session.scalars(query).first()
    return None if found is None else found.value


def _show(reference: Any, dag_id: str, run_id: str, task_id: str) -> HTMLResponse:
    if not reference:
        raise HTTPException(404, f"Task '{task_id}' of run '{run_id}' has left no page (yet).")
    try:
        return HTMLResponse(_read(reference, dag_id, run_id), headers=_HEADERS)
    except (HandoffError, ValueError) as error:  # an address may be no path at all
        raise HTTPException(404, str(error)) from error


def _read(wire: Any, dag_id: str, run_id: str) -> str:
    """The page behind a reference.

    Whoever may write an XCom may write any reference: nothing is opened but a file of this run in our own storage.

    Raises:
        HandoffError: It refers to something else, or the page cannot be read.
    """
    reference = ArtifactRef.from_wire(wire)
    storage = check_storage(settings.storage())
    path = path_below(run_url(storage, dag_id, run_id), reference.uri)
    if reference.codec != FileCodec.name or path is None or ".." in path.split("/"):
        message = f"The page lies at {reference.uri}, and is not shown: it is no file of this run in {storage}."
        raise InvalidReferenceError(message)
    with Exchange(storage, open_store=open_store, allow_pickle=False) as exchange:
        return str(exchange.get(reference).read_text(errors="replace"))
