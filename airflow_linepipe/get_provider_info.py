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
        "operators": [{"integration-name": "linepipe", "python-modules": ["airflow_linepipe.operators.node"]}],
        "hooks": [{"integration-name": "linepipe", "python-modules": ["airflow_linepipe.hooks.handoff"]}],
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
