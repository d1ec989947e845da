"""Whether and when earlier results are taken."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Final, Literal, TypeAlias, cast, get_args

from airflow_linepipe.errors import SettingError
from airflow_linepipe.plan import Part, checked_choice, did_you_mean

__all__ = ["Cache", "CacheMode", "as_cache", "check_ignored", "part_caches"]

CacheMode: TypeAlias = Literal["use", "refresh", "off"]

_WORDS: Final[Mapping[bool, CacheMode]] = {True: "use", False: "off"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Cache:
    """How a node, or all nodes of a pipeline, use the results of earlier runs.

    Attributes:
        mode: "use": a node whose code and inputs are those of an earlier run is not called, its outputs are taken;
            "refresh": it is called, and later runs find what it makes; "off": neither.
        ignore: The inputs that do not count, by the names under which nodes read them. Resources never do.
        ttl: How long a result is taken after it was made; None for as long as it is stored.
        watch: The files, and folders with all that is in them, whose content counts.
        version: A text of the author's own that counts.
        writers: Whether nodes without outputs are left out too. What they are there for lies elsewhere, and nobody
            looks whether it is still there.
    """

    mode: CacheMode = "use"
    ignore: Collection[str] = ()
    ttl: timedelta | None = None
    watch: Collection[str | Path] = ()
    version: str = ""
    writers: bool = False

    def __post_init__(self) -> None:
        # As tuples: their text in a serialised DAG must be the same in every process.
        for argument, texts in (("ignore", self.ignore), ("watch", self.watch)):
            if isinstance(texts, set | frozenset):
                object.__setattr__(self, argument, tuple(sorted(texts, key=str)))
        checked_choice("Cache(mode=…)", self.mode, get_args(CacheMode))
        _check("ignore", self.ignore, _are_texts(self.ignore), "a list of the names of inputs")
        _check("ttl", self.ttl, _is_time(self.ttl), "a timedelta above 0, such as timedelta(days=1), or None")
        _check("watch", self.watch, _are_texts(self.watch), "a list of paths")
        _check("version", self.version, type(self.version) is str, "a text")
        _check("writers", self.writers, type(self.writers) is bool, "True or False")


def _check(argument: str, value: object, is_right: bool, advice: str) -> None:
    if not is_right:
        message = f"Cache({argument}={value!r}): give {advice}."
        raise SettingError(message)


def _are_texts(value: object) -> bool:
    is_list = isinstance(value, Collection) and not isinstance(value, str | bytes)
    return is_list and all(isinstance(text, str | Path) and str(text) for text in cast("Collection[object]", value))


def _is_time(value: object) -> bool:
    return value is None or (isinstance(value, timedelta) and value > timedelta())


def as_cache(argument: str, value: object) -> Cache:
    """What an author has written for ``cache=``.

    Args:
        argument: The argument's name, for the message.
        value: A `Cache`, one of its modes, True for "use" or False for "off".

    Raises:
        SettingError: It is none of these.
    """
    if isinstance(value, Cache):
        return value
    if isinstance(value, bool):
        return Cache(mode=_WORDS[value])
    if not isinstance(value, str):
        message = f"{argument}={value!r}: give True, False, 'use', 'refresh', 'off' or a Cache."
        raise SettingError(message)
    checked_choice(argument, value, get_args(CacheMode))
    return Cache(mode=cast("CacheMode", value))


def part_caches(
    parts: Sequence[Part], cache: Cache, of_parts: Mapping[str, object], refresh_from: str = ""
) -> dict[str, Cache]:
    """How each part of a plan uses the cache.

    Args:
        parts: The parts, each after those it reads from.
        cache: How all do that have nothing of their own.
        of_parts: How single ones do, by id.
        refresh_from: The part that is called whatever there is, with all behind it; "" for none.

    Raises:
        SettingError: There is no such part, or no node reads an input that is to be ignored.
    """
    ids = [part.id for part in parts]
    for argument, names in (("node_cache", of_parts), ("refresh_from", [refresh_from] if refresh_from else [])):
        for name in names:
            if name not in ids:
                hint = did_you_mean(name, ids, otherwise=f"it has {', '.join(ids) or 'none'}.")
                message = f"{argument}: the pipeline has no task '{name}': {hint}"
                raise SettingError(message)
    caches: dict[str, Cache] = {}
    behind: set[str] = set()
    for part in parts:
        chosen = as_cache(f"node_cache['{part.id}']", of_parts[part.id]) if part.id in of_parts else cache
        if part.id == refresh_from or behind.intersection(part.upstream):
            behind.add(part.id)
            chosen = replace(chosen, mode="refresh") if chosen.mode == "use" else chosen
        caches[part.id] = chosen
    if refresh_from and all(chosen.mode == "off" for chosen in caches.values()):
        message = f"refresh_from={refresh_from!r}: the cache is off, and everything is run anyway: give cache as well."
        raise SettingError(message)
    check_ignored(cache, parts)
    for part in parts:
        if part.id in of_parts:
            check_ignored(caches[part.id], [part])
    return caches


def check_ignored(cache: Cache, parts: Sequence[Part]) -> None:
    """Make sure that a node reads each input that is to be ignored.

    Raises:
        SettingError: None does.
    """
    read = dict.fromkeys(name for part in parts for step in part.plan.steps for name in step.inputs)
    for name in cache.ignore:
        if name not in read:
            hint = did_you_mean(name, read, otherwise=f"they read {', '.join(read) or 'nothing'}.")
            where = f"no node of task '{parts[0].id}'" if len(parts) == 1 else "no node"
            message = f"Cache(ignore=…): {where} reads '{name}': {hint}"
            raise SettingError(message)
