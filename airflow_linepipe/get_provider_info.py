"""The provider entry point: what Airflow knows of this package, as one literal."""

from __future__ import annotations

from typing import Any

__all__ = ["get_provider_info"]


def get_provider_info() -> dict[str, Any]:
    """The provider's description, after Airflow's ``provider_info.schema.json``."""
    return {
        "package-name": "airflow-linepipe",
        "name": "linepipe",
        "description": "Run a plain linepipe pipeline, unchanged, as a first-class Airflow DAG.",
        "integrations": [
            {
                "integration-name": "linepipe",
                "external-doc-url": "https://github.com/marek-kan/linepipe",
                "tags": ["software"],
            }
        ],
        "operators": [
            {
                "integration-name": "linepipe",
                "python-modules": [
                    "airflow_linepipe.operators.branch",
                    "airflow_linepipe.operators.cleanup",
                    "airflow_linepipe.operators.node",
                    "airflow_linepipe.operators.policy",
                    "airflow_linepipe.operators.validation",
                ],
            }
        ],
        "sensors": [
            {"integration-name": "linepipe", "python-modules": ["airflow_linepipe.sensors.artifact"]},
        ],
        "triggers": [
            {"integration-name": "linepipe", "python-modules": ["airflow_linepipe.triggers.artifact"]},
        ],
        "hooks": [
            {
                "integration-name": "linepipe",
                "python-modules": ["airflow_linepipe.hooks.handoff", "airflow_linepipe.hooks.retention"],
            }
        ],
        "extra-links": ["airflow_linepipe.operators.links.ValidationReportLink"],
        "task-decorators": [{"name": "linepipe", "class-name": "airflow_linepipe.decorators.task.linepipe_task"}],
        "config": {
            "linepipe": {
                "description": "Where and how airflow-linepipe hands values from task to task.",
                "options": {
                    "storage": {
                        "description": (
                            "URL below which artifacts are written: a folder that all workers see, or an object "
                            "store of any fsspec scheme, with an Airflow connection before the @.\n"
                            "{AIRFLOW_HOME} stands for Airflow's home folder.\n"
                        ),
                        "version_added": "0.1.0",
                        "type": "string",
                        "example": "s3://my_aws_connection@bucket/prefix",
                        "default": "file://{AIRFLOW_HOME}/linepipe",
                    },
                    "allow_pickle": {
                        "description": (
                            "Whether values that only pickle can carry (models, arbitrary objects) may be handed "
                            "over. When off, they are refused where they are written and where they are read.\n"
                        ),
                        "version_added": "0.1.0",
                        "type": "boolean",
                        "example": None,
                        "default": "True",
                    },
                    "xcom_threshold": {
                        "description": (
                            "With [core] xcom_backend = airflow_linepipe.xcom.LinepipeXComBackend: values of any task "
                            "that take more bytes of JSON than this go to storage.\n"
                            "A smaller one stays in the database, where templates, the UI and the REST API read it, "
                            "unless JSON cannot give it back unchanged.\n"
                            "0 stores every value but None and the references of linepipe tasks.\n"
                            "The default is the most that a reference itself can take: below it, storing the value "
                            "elsewhere would save the database nothing.\n"
                        ),
                        "version_added": "0.1.0",
                        "type": "integer",
                        "example": "65536",
                        "default": "4000",
                    },
                    "compression": {
                        "description": (
                            "How tables are compressed in storage: zstd, lz4, none, or auto for zstd where bytes "
                            "travel and none on a local disk. A table that would hardly become smaller is left as it "
                            "is.\n"
                        ),
                        "version_added": "0.1.0",
                        "type": "string",
                        "example": "lz4",
                        "default": "auto",
                    },
                    "storage_timeout": {
                        "description": (
                            "The seconds that a request to an object store may take, besides one for each MiB it "
                            "moves.\n"
                        ),
                        "version_added": "0.1.0",
                        "type": "float",
                        "example": None,
                        "default": "60",
                    },
                    "storage_attempts": {
                        "description": (
                            "How often a request to an object store is tried when the network or the store fails, "
                            "with growing pauses. What is missing or not allowed is not tried again.\n"
                        ),
                        "version_added": "0.1.0",
                        "type": "integer",
                        "example": None,
                        "default": "4",
                    },
                    "profile": {
                        "description": (
                            "The name of the profile that holds here, one of [linepipe] profiles: the same DAG files, "
                            "another storage in each environment. Left empty, the options above hold.\n"
                        ),
                        "version_added": "0.1.0",
                        "type": "string",
                        "example": "dev",
                        "default": "",
                    },
                    "profiles": {
                        "description": (
                            "What each profile has in place of storage and allow_pickle, as JSON by its name.\n"
                        ),
                        "version_added": "0.1.0",
                        "type": "string",
                        "example": '{"dev": {"storage": "file:///tmp/dev"}, "prod": {"storage": "s3://aws@bucket"}}',
                        "default": "",
                    },
                },
            }
        },
    }
