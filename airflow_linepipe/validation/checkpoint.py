"""RUN a checkpoint of Great Expectations as its own command did: all its validations, then its actions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final

from airflow_linepipe.errors import CheckpointError
from airflow_linepipe.plan import did_you_mean
from airflow_linepipe.validation.conversion import as_frame
from airflow_linepipe.validation.outcome import Outcome
from airflow_linepipe.validation.plain import shortened
from airflow_linepipe.validation.quiet import quiet, replaced
from airflow_linepipe.validation.reading import read_result, rows_in

if TYPE_CHECKING:
    from great_expectations import Checkpoint

__all__ = ["validate_checkpoint"]

_PROJECT_FILE: Final = "great_expectations.yml"
_PROJECT_FOLDERS: Final = ("", "gx", "great_expectations")
_MAX_REASON: Final = 300


def validate_checkpoint(
    checkpoint: Checkpoint | str,
    *,
    project: str | Path | None = None,
    frame: Any = None,
    parameters: Mapping[str, Any] | None = None,
) -> Outcome:
    """Run a checkpoint.

    Args:
        checkpoint: The checkpoint, or its name in a project.
        project: The folder that holds ``great_expectations.yml``, or the one above it. Needed for a name.
        frame: The table to validate, if the checkpoint's data is one that it is given.
        parameters: The values of its suites' parameters.

    Raises:
        CheckpointError: There is no such project or checkpoint, it and the frame do not fit together, or it, or one
            of its actions, has raised.
    """
    if isinstance(checkpoint, str) and project is None:
        message = f"The checkpoint '{checkpoint}' is given by its name: give the project's folder as well."
        raise CheckpointError(message)
    folder = _project_folder(Path(project)) if isinstance(checkpoint, str) and project is not None else Path()
    with quiet():
        found = _load(checkpoint, folder) if isinstance(checkpoint, str) else _adopt(checkpoint)
        started = perf_counter()
        batch_parameters = _batch_parameters(found, frame)
        try:
            with _recorded() as validations:
                found.run(batch_parameters=batch_parameters, expectation_parameters=dict(parameters or {}) or None)
        except Exception as error:  # its data sources, expectations and actions may raise anything
            message = f"The checkpoint '{found.name}' could not be run: {_reason(error)}."
            raise CheckpointError(message) from error
        seconds = perf_counter() - started
    return _outcome(found.name, validations, seconds)


@contextmanager
def _recorded() -> Iterator[list[tuple[str, Any]]]:
    """Each validation that is run meanwhile, by its name, and its result.

    A checkpoint's own result has one place for all validations of the same suite on the same asset, and keeps the last.
    """
    from great_expectations import ValidationDefinition

    validations = []
    original = ValidationDefinition.run

    def run(definition: ValidationDefinition, *arguments: Any, **options: Any) -> Any:
        result = original(definition, *arguments, **options)
        validations.append((definition.name, result))
        return result

    with replaced(ValidationDefinition, "run", run):
        yield validations


def _outcome(name: str, validations: Sequence[tuple[str, Any]], seconds: float) -> Outcome:
    """All results of all validations; each names its own where there are several."""
    results = tuple(
        read_result(result, validation=validation if len(validations) > 1 else "")
        for validation, results in validations
        for result in results.results
    )
    rows = rows_in(results) if len(validations) == 1 else "unknown"
    return Outcome(suite=name, results=results, rows=rows, seconds=seconds)


def _project_folder(project: Path) -> Path:
    """The folder that holds the project's file.

    Raises:
        CheckpointError: There is none; Great Expectations would make one.
    """
    for folder in _PROJECT_FOLDERS:
        if (project / folder / _PROJECT_FILE).is_file():
            return project / folder
    message = f"There is no project of Great Expectations in '{project}': give the folder that holds {_PROJECT_FILE}."
    raise CheckpointError(message)


def _load(name: str, folder: Path) -> Checkpoint:
    """A checkpoint of a project, which becomes the current one.

    Raises:
        CheckpointError: The project cannot be opened, or has none of this name.
    """
    from great_expectations.data_context.data_context.context_factory import set_context
    from great_expectations.data_context.data_context.file_data_context import FileDataContext
    from great_expectations.exceptions.exceptions import DataContextError

    try:
        context = FileDataContext(context_root_dir=folder)
        set_context(context)
        found: Checkpoint = context.checkpoints.get(name)
    except DataContextError as error:
        names = _names(folder)
        if name in names:
            message = f"The checkpoint '{name}' in '{folder}' cannot be opened: {_reason(error)}."
        else:
            advice = did_you_mean(name, names, otherwise=f"it has {', '.join(names) or 'none'}.")
            message = f"The project in '{folder}' has no checkpoint '{name}': {advice}"
        raise CheckpointError(message) from error
    except Exception as error:  # its configuration may be wrong in many ways
        message = f"The checkpoint '{name}' in '{folder}' cannot be opened: {_reason(error)}."
        raise CheckpointError(message) from error
    return found


def _names(folder: Path) -> list[str]:
    return sorted(path.stem for path in (folder / "checkpoints").glob("*.json"))


def _adopt(checkpoint: object) -> Checkpoint:
    """Let the project that a checkpoint belongs to be the current one.

    Raises:
        CheckpointError: It is no checkpoint.
    """
    from great_expectations import Checkpoint
    from great_expectations.data_context.data_context.context_factory import set_context

    if not isinstance(checkpoint, Checkpoint):
        message = f"A {type(checkpoint).__name__} is no checkpoint: give a Checkpoint, or its name and its project."
        raise CheckpointError(message)
    for definition in checkpoint.validation_definitions:
        context = definition.data.data_asset.datasource.data_context
        if context is not None:
            set_context(context)
            break
    return checkpoint


def _batch_parameters(checkpoint: Checkpoint, frame: Any) -> dict[str, Any] | None:
    """What its validations are given.

    Raises:
        CheckpointError: They need a frame and there is none, or there is one and none of them takes it.
    """
    kinds = {definition.data.data_asset.type == "dataframe" for definition in checkpoint.validation_definitions}
    if frame is None:
        if True in kinds:
            message = f"The checkpoint '{checkpoint.name}' validates a frame that it is given, and none is given."
            raise CheckpointError(message)
        return None
    if kinds != {True}:
        also = "also " if True in kinds else ""
        message = (
            f"The checkpoint '{checkpoint.name}' is given a frame, and {also}validates data that it reads itself: "
            "give it no frame, or let all its validations take one."
        )
        raise CheckpointError(message)
    return {"dataframe": as_frame(frame)}


def _reason(error: Exception) -> str:
    return shortened(str(error) or type(error).__name__, _MAX_REASON).removesuffix(".")
