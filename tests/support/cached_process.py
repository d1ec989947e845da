"""A run with the cache in a process of its own, which says when it waits for another one.

``python cached_process.py STORAGE FOLDER`` runs ``author.pipeline`` of the folder, and prints "waiting" when it has to
wait for somebody else's lock, and at last what it has made.
"""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
from pathlib import Path


def start(storage: Path, folder: Path, **arguments: object) -> subprocess.Popen[str]:
    """Start a run."""
    command = [sys.executable, "-B", __file__, str(storage), str(folder), json.dumps(arguments)]
    return subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(folder)},
    )


def main(storage: str, folder: str, arguments: str) -> None:
    flock = fcntl.flock

    def told(descriptor: int, operation: int) -> None:
        if operation == fcntl.LOCK_EX:
            print("waiting", flush=True)
        flock(descriptor, operation)

    fcntl.flock = told
    import author

    import airflow_linepipe

    result = airflow_linepipe.run(author.pipeline, storage=storage, cache=True, quiet=True, **json.loads(arguments))
    values = {name: result[name] for name in result.outputs}
    print(json.dumps({"values": values, "why": {step.id: step.why for step in result.steps.values()}}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
