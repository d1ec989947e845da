"""The models that were trained, which of them is in service, and which was before it: MLflow's registry.

A version of the registered model ``flight-delay`` is a pair, the model of the delay and that of late flights, which are
registered and put into service together. The alias ``champion`` says which version is in service; a version's tag
``replaced`` says which was before it.
"""

from __future__ import annotations

import os
import warnings
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flights.month import name_month

from delays.model import Parameters, predict, select

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import pandas as pd
    from mlflow import MlflowClient
    from sklearn.pipeline import Pipeline

MODEL = "flight-delay"
"""The registered model's name, and its experiment's."""

CHAMPION = "champion"
"""The alias of the version in service."""

_SQLITE = "sqlite:///"
_VARIABLE = "MLFLOW_TRACKING_URI"
_TAGS = ("late_model", "months", "learned_until", "replaced", "r2")

# What is in the files of our models beside numbers; MLflow opens no other code.
_TRUSTED = [
    "functools.partial",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.utils.validation.check_array",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """What the registry says of a pair of models.

    Attributes:
        number: The version's number, from 1.
        replaced: The number of the version that was in service before it; 0 if it was the first.
        months: The months that it has learned from or was judged on, as ``YYYY-MM`` and in their order.
        learned_until: When the last was known of what it has learned from, in UTC.
        score: The ``r2`` that it had when it was put into service.
        delay_model: The address of the model of the delay.
        late_model: The address of the model of late flights.
    """

    number: int
    replaced: int
    months: tuple[str, ...]
    learned_until: datetime
    score: float
    delay_model: str
    late_model: str


class RegistryError(LookupError):
    """The registry does not hold what it is asked for."""


def find_tracking_uri() -> str:
    """Tell where models are kept.

    Returns:
        What ``MLFLOW_TRACKING_URI`` says, such as a server's address; without it a SQLite file in Airflow's home.
    """
    home = Path(os.environ.get("AIRFLOW_HOME") or "~/airflow").expanduser().absolute()
    return os.environ.get(_VARIABLE) or f"{_SQLITE}{home}/mlflow/mlflow.db"


def track(
    tracking_uri: str,
    training: str,
    delay_model: Pipeline,
    late_model: Pipeline,
    evaluation: pd.DataFrame,
    parameters: Parameters,
    metrics: Mapping[str, Any],
    trials: pd.DataFrame,
) -> str:
    """Keep what a training has come to: parameters, metrics, trials and both models.

    The same again, as when a task is tried again, is not kept again.

    Args:
        tracking_uri: Where models are kept.
        training: The training's name.
        delay_model: As ``fit_delay`` returns it.
        late_model: As ``fit_late`` returns it.
        evaluation: The flights that the models were judged on.
        parameters: What they were trained with.
        metrics: As ``evaluate`` returns them.
        trials: As ``search`` returns them.

    Returns:
        The id of MLflow's run.
    """
    with _connect(tracking_uri) as client:
        import mlflow

        experiment = _find_experiment(client, tracking_uri)
        told = predict(delay_model, late_model, evaluation)
        content = [training, asdict(parameters), metrics, told.to_csv(index=False)]
        key = sha256(repr(content).encode()).hexdigest()
        done = f"tags.content = '{key}' AND attributes.status = 'FINISHED'"
        for run in client.search_runs([experiment], done, max_results=1):
            return str(run.info.run_id)
        with mlflow.start_run(experiment_id=experiment, run_name=training, tags={"content": key}) as run:
            mlflow.log_params(asdict(parameters))
            mlflow.log_metrics({name: metrics[name] for name in ("rows", "r2", "mae", "auc")})
            mlflow.log_dict(dict(metrics), "metrics.json")
            mlflow.log_text(trials.to_csv(index=False), "trials.csv")
            models = {
                "delay_model": _log(delay_model, "delay", evaluation),
                "late_model": _log(late_model, "late", evaluation),
            }
            mlflow.set_tags(models)
        return str(run.info.run_id)


def register(tracking_uri: str, run: str, training_set: pd.DataFrame, metrics: Mapping[str, Any]) -> dict[str, Any]:
    """Register the models of a training and put them into service.

    Args:
        tracking_uri: Where models are kept.
        run: The training, as ``track`` returns it; registered again it stays the same version.
        training_set: What they have learned from, and were judged on; see ``delays.training.gather``.
        metrics: As ``evaluate`` returns them.

    Returns:
        The new champion's ``version``, and the one that it ``replaced``; 0 if there was none.
    """
    with _connect(tracking_uri) as client:
        from mlflow.exceptions import MlflowException

        with suppress(MlflowException):  # it is there already
            client.create_registered_model(MODEL)
        known = client.search_model_versions(f"name = '{MODEL}' AND run_id = '{run}'")
        if known:
            version = known[0]
        else:
            uris = client.get_run(run).data.tags
            learned = training_set.loc[training_set["part"] != "evaluation", "known_at"]
            tags = {
                "late_model": uris["late_model"],
                "months": ",".join(list_learned(training_set)),
                "learned_until": learned.max().isoformat(),
                "replaced": str(find_champion(tracking_uri)),
                "r2": repr(metrics["r2"]),
            }
            source = uris["delay_model"]
            version = client.create_model_version(
                MODEL, source=source, run_id=run, tags=tags, model_id=source.removeprefix("models:/")
            )
        client.set_registered_model_alias(MODEL, CHAMPION, version.version)
        return {"version": int(version.version), "replaced": int(version.tags["replaced"])}


def list_learned(train: pd.DataFrame) -> list[str]:
    """List the months of a training set.

    Args:
        train: One row per flight with ``year`` and ``month``.

    Returns:
        The months as ``YYYY-MM``, in their order.
    """
    pairs = train[["year", "month"]].drop_duplicates().sort_values(["year", "month"])
    return [name_month(year, month) for year, month in pairs.itertuples(index=False, name=None)]


def find_champion(tracking_uri: str) -> int:
    """Tell which version is in service.

    Args:
        tracking_uri: Where models are kept.

    Returns:
        The version's number; 0 if there is none.
    """
    with _connect(tracking_uri) as client:
        from mlflow.exceptions import MlflowException

        try:
            return int(client.get_model_version_by_alias(MODEL, CHAMPION).version)
        except MlflowException as error:
            if error.error_code in {"RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"}:
                return 0
            raise


def read_version(tracking_uri: str, number: int) -> Version:
    """Read what the registry says of a version.

    Args:
        tracking_uri: Where models are kept.
        number: The version's number.

    Returns:
        The version.

    Raises:
        RegistryError: There is no such version.
    """
    with _connect(tracking_uri) as client:
        from mlflow.exceptions import MlflowException

        try:
            version = client.get_model_version(MODEL, str(number))
        except MlflowException as error:
            msg = f"The registry at {tracking_uri} has no version {number} of {MODEL}: run the DAG mlops first."
            raise RegistryError(msg) from error
        missing = [name for name in _TAGS if name not in version.tags]
        if missing:
            msg = (
                f"Version {number} of {MODEL} was not registered by the DAG mlops: it has no tag {', '.join(missing)}."
            )
            raise RegistryError(msg)
        return Version(
            number=int(version.version),
            replaced=int(version.tags["replaced"]),
            months=tuple(version.tags["months"].split(",")),
            learned_until=datetime.fromisoformat(version.tags["learned_until"]),
            score=float(version.tags["r2"]),
            delay_model=str(version.source),
            late_model=version.tags["late_model"],
        )


def load_models(tracking_uri: str, version: Version) -> tuple[Pipeline, Pipeline]:
    """Load a version's models.

    Args:
        tracking_uri: Where models are kept.
        version: As ``read_version`` returns it.

    Returns:
        The model of the delay, and that of late flights.
    """
    with _connect(tracking_uri):
        import mlflow

        return mlflow.sklearn.load_model(version.delay_model), mlflow.sklearn.load_model(version.late_model)


def roll_back(tracking_uri: str, number: int) -> dict[str, int]:
    """Put the version into service that another one has replaced, if that other one still is in service.

    Args:
        tracking_uri: Where models are kept.
        number: The version that is to go; when it has gone already nothing changes, so that this may be tried again.

    Returns:
        The ``version`` that is in service now, and the one that has ``gone``.

    Raises:
        RegistryError: There is no such version, it was the first, or the one before it is no more.
    """
    replaced = read_version(tracking_uri, number).replaced
    if not replaced:
        msg = f"Version {number} of {MODEL} has replaced none: there is nothing to roll back to."
        raise RegistryError(msg)
    if find_champion(tracking_uri) == number:
        load_models(tracking_uri, read_version(tracking_uri, replaced))  # what cannot predict is not put into service
        with _connect(tracking_uri) as client:
            client.set_registered_model_alias(MODEL, CHAMPION, str(replaced))
    return {"version": find_champion(tracking_uri), "gone": number}


def _log(model: Pipeline, name: str, flights: pd.DataFrame) -> str:
    import mlflow
    from mlflow.models import infer_signature

    example = select(flights.head(), tuple(model.feature_names_in_))
    logged = mlflow.sklearn.log_model(
        model,
        name=name,
        signature=infer_signature(example, model.predict(example)),
        pip_requirements=["scikit-learn", "pandas"],  # to find them out takes MLflow seconds
        skops_trusted_types=_TRUSTED,
    )
    return str(logged.model_uri)


@contextmanager
def _connect(tracking_uri: str) -> Iterator[MlflowClient]:
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    # MLflow's own patience with a server that is down is measured in minutes.
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "3")
    try:
        import mlflow
    except ModuleNotFoundError as error:
        msg = "Models are kept in MLflow, which is not installed: pip install 'airflow-linepipe[mlflow]'"
        raise ModuleNotFoundError(msg, name="mlflow") from error
    if tracking_uri.startswith(_SQLITE):
        _path_of(tracking_uri).parent.mkdir(parents=True, exist_ok=True)
    before = os.environ.get(_VARIABLE)
    with warnings.catch_warnings():
        # MLflow's own code warns of itself; skops looks at every name of every module, and Airflow's old ones warn.
        warnings.simplefilter("ignore")
        mlflow.set_tracking_uri(tracking_uri)
        try:
            yield mlflow.MlflowClient()
        finally:
            # MLflow writes it into the environment, where whoever asks next would find it.
            mlflow.set_tracking_uri(before)  # type: ignore[arg-type]  # None takes it out again


def _find_experiment(client: MlflowClient, tracking_uri: str) -> str:
    experiment = client.get_experiment_by_name(MODEL)
    if experiment is not None:
        return str(experiment.experiment_id)
    # A server knows where its artifacts lie; MLflow's own choice without one is the folder it happens to run in.
    place = (_path_of(tracking_uri).parent / "artifacts").as_uri() if tracking_uri.startswith(_SQLITE) else None
    return str(client.create_experiment(MODEL, artifact_location=place))


def _path_of(tracking_uri: str) -> Path:
    path = Path(tracking_uri.removeprefix(_SQLITE)).absolute()
    odd = [sign for sign in "?%#" if sign in str(path)]
    if odd:
        msg = f"Models cannot be kept in {path}: an address has no {' and no '.join(odd)}. Choose another folder."
        raise ValueError(msg)
    return path
