"""R24: memory is measured around one call."""

from __future__ import annotations

import logging
import mmap
import re
import time

import pytest
from linepipe.node import Node
from nodes import ran

from airflow_linepipe.plan import build_plan
from airflow_linepipe.runtime import run_plan
from airflow_linepipe.runtime.memory import measure_memory

MIB = 1024 * 1024
LINE = r"\[quick\] ΔMem: -?\d+\.\d\d MiB \| Peak: -?\d+\.\d\d MiB"


def hold(mebibytes, seconds):
    """Fill memory and keep it for a while: new memory, and not what earlier tests have left in the heap."""
    filled = mmap.mmap(-1, mebibytes * MIB)
    for _ in range(mebibytes):
        filled.write(b"x" * MIB)
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        filled[0] = 1
    return filled


def test_a_profiled_node_runs_once_and_leaves_linepipes_line_in_the_log(caplog):
    """R24: linepipe 1.0.0 calls a quick node six times."""
    calls = []

    def quick():
        calls.append(1)
        return 5

    with caplog.at_level(logging.INFO, logger="airflow_linepipe"):
        assert dict(ran(build_plan([Node(quick, [], ["a"], profile=True)]), given={})) == {"a": 5}
    assert len(calls) == 1
    assert [bool(re.fullmatch(LINE, record.getMessage())) for record in caplog.records] == [False, True]


def test_what_it_measured_stands_in_the_steps_run():
    (quiet, loud) = run_plan(build_plan([Node(int, [], ["a"]), Node(int, [], ["b"], profile=True)]), given={})
    assert quiet.memory is None
    assert loud.memory.peak >= loud.memory.delta


def test_memory_that_stays_is_delta_and_memory_that_went_is_peak():
    kept, use = measure_memory(lambda: hold(64, 0.3))
    assert len(kept) == 64 * MIB
    assert use.delta > 50
    del kept
    _, use = measure_memory(lambda: len(hold(64, 0.3)))
    assert use.peak > 50
    assert use.delta < 14


def test_what_the_function_raises_passes_through():
    with pytest.raises(ZeroDivisionError):
        measure_memory(lambda: 1 // 0)
