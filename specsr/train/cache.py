"""Prepared examples of a run: made once, by all cores, and then read from the cache folder."""

from __future__ import annotations

import hashlib
import json
import logging
import math
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import joblib
import numpy as np
from joblib.externals.loky import get_reusable_executor

from specsr.models.bundled import model_path
from specsr.progress import Progress
from specsr.synth.synthesis import VERSION as SYNTH_VERSION
from specsr.train import examples
from specsr.train.config import Config
from specsr.train.examples import FORMAT, Example, Recipe, recipes

log = logging.getLogger(__name__)
FEWEST = 8
"""Fewest examples for each further process: to start one takes as long as some examples."""


def load_examples(config: Config, progress: Progress | None = None) -> list[Example]:
    """Return all examples of a config, prepared once and then read from the cache folder.

    ``data.workers`` processes prepare what is missing; the result does not depend on their number.

    Raises:
        SpecsrError: as `specsr.train.examples.recipes`.
    """
    found = recipes(config)
    Path(config.data.cache).mkdir(parents=True, exist_ok=True)
    path_of = _paths(config)
    files = [(recipe, path_of(recipe)) for recipe in found]
    made = _prepared({path: recipe for recipe, path in files if not path.exists()}, config)
    loaded = []
    for recipe, path in progress(files) if progress else files:
        while not path.exists():
            next(made)
        loaded.append(_read(path, recipe, config))
    return loaded


def _paths(config: Config) -> Callable[[Recipe], Path]:
    """Return the function from a recipe to its file, named by all options that change it."""
    parts = config.model_dump(include={"grids", "pair", "data"}, mode="json")
    data, folder = parts["data"], Path(config.data.cache)
    real = {k: v for k, v in data["real"].items() if k in ("rates", "max_seconds")}
    others = ("cache", "workers", "real", "folders", "validate_on", "repeats", "weights")
    per_example = {k: v for k, v in data.items() if k not in others}
    drawn = ("count", "seed", "named")
    per_example["synth"] = {k: v for k, v in data["synth"].items() if k not in drawn}
    if not per_example["exclude"]:
        del per_example["exclude"]  # as before that option
    noise = config.pair.kind == "noise"  # its input has expected maps
    expected = hashlib.sha256(model_path("expected").read_bytes()).hexdigest() if noise else ""

    def path_of(recipe: Recipe) -> Path:
        identity = [
            FORMAT if recipe.file else [FORMAT, SYNTH_VERSION],
            recipe.seed, recipe.file, recipe.channel, parts["grids"], parts["pair"],
            real if recipe.real else per_example,
        ]  # fmt: skip
        identity += [part for part in (recipe.kind, expected) if part]
        key = hashlib.sha256(json.dumps(identity).encode()).hexdigest()[:24]
        return folder / f"{key}.npz"

    return path_of


def _prepared(missing: dict[Path, Recipe], config: Config) -> Iterator[None]:
    """Prepare examples in their order; each is in the cache when the iterator has advanced."""
    count = config.data.workers or joblib.cpu_count()
    count = min(count, len(missing) // FEWEST)
    if count < 2:
        for path, recipe in missing.items():
            _store(path, recipe, config)
            yield
        return
    log.info("%d examples are prepared by %d processes", len(missing), count)
    jobs = (joblib.delayed(_store)(path, recipe, config) for path, recipe in missing.items())
    # one thread each: the processes take all cores
    with joblib.parallel_config("loky", inner_max_num_threads=1):
        yield from joblib.Parallel(count, return_as="generator", pre_dispatch="2 * n_jobs")(jobs)
    get_reusable_executor().shutdown(wait=True)  # its processes would keep their memory


def _store(path: Path, recipe: Recipe, config: Config) -> None:
    """Prepare one example and write it to its file, completely or not at all."""
    example = examples.prepare(recipe, config)
    partial = path.with_suffix(f".{os.getpid()}.tmp")
    with partial.open("wb") as file:
        np.savez(
            file, low=example.low,
            high=example.low[:0] if example.high is example.low else example.high,
            cut=example.cut, df=example.df, overlap=example.overlap,
            speed=example.rotation_hz,  # type: ignore[arg-type]  # set by `prepare`
        )  # fmt: skip
    partial.replace(path)


def _read(path: Path, recipe: Recipe, config: Config) -> Example:
    """Return a stored example."""
    with np.load(path) as stored:
        low, high = stored["low"], stored["high"]
        return Example(
            low,
            high if high.size else low,
            int(stored["cut"]),
            float(stored["df"]),
            stored["speed"],
            _weight(recipe, config),
            recipe.real,
            recipe.file,
            float(stored.get("overlap", 0.0)),
        )


def _weight(recipe: Recipe, config: Config) -> float:
    """Return how often an example is drawn, relative to others."""
    patterns = config.data.weights.items()
    return math.prod(w for pattern, w in patterns if Path(recipe.file).match(pattern))
