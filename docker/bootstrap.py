#!/usr/bin/env python3
"""Make what the local stack needs once: the bucket for artifacts, and the login of the web page."""

from __future__ import annotations

import json
import os
from pathlib import Path
from urllib.parse import urlsplit


def create_bucket(storage: str) -> None:
    """Create the bucket of an ``s3://connection@bucket/prefix`` URL through that connection, unless it exists."""
    from airflow.providers.amazon.aws.hooks.s3 import S3Hook

    location = urlsplit(storage)
    hook = S3Hook(aws_conn_id=location.username)
    if not hook.check_for_bucket(location.hostname):
        hook.create_bucket(bucket_name=location.hostname)


def write_passwords(path: Path, password: str) -> None:
    """Write the simple auth manager's password file, readable by its owner only."""
    path.touch(mode=0o600)
    path.write_text(json.dumps({"admin": password}), encoding="utf-8")


if __name__ == "__main__":
    write_passwords(Path(os.environ["AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE"]), os.environ["ADMIN_PASSWORD"])
    create_bucket(os.environ["AIRFLOW__LINEPIPE__STORAGE"])
