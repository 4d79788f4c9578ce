"""Repetitions taken in turn, and what they say."""

import gc
import math
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

Timed = Callable[[int], float]
"""Runs n batches and returns the seconds they took."""

PAUSE = 0.01
"""Seconds before each repetition, for the last one's threads to stop spinning."""
LONGEST = 2000
"""Batches in a repetition at most."""


def in_turn(
    contenders: Mapping[str, Timed], rounds: int, least: float
) -> dict[str, list[float]]:
    """Times all contenders once a round, so that a drift of the machine hits all.

    Args:
        contenders: at least one.
        rounds: repetitions of each.
        least: the seconds a repetition lasts at least; fast contenders run several
            batches for it.

    Returns:
        The seconds per batch of each contender in each round.
    """
    counts = {}
    for key, timed in contenders.items():
        timed(1)  # traces and compiles
        counts[key] = min(max(math.ceil(least / timed(1)), 1), LONGEST)
    samples: dict[str, list[float]] = {key: [] for key in contenders}
    for i in range(rounds):
        gc.collect()
        gc.disable()
        for key in list(contenders)[:: -1 if i % 2 else 1]:
            time.sleep(PAUSE)
            samples[key].append(contenders[key](counts[key]) / counts[key])
        gc.enable()
    return samples


def summarise(
    samples: Mapping[str, list[float]], images: int, reference: str
) -> list[dict[str, Any]]:
    """One entry for each contender.

    Args:
        samples: from `in_turn`.
        images: how many images a batch has.
        reference: the contender with which the others are compared.

    Returns:
        Milliseconds per image: all, median and quartiles; and the median and quartiles
        over the rounds of the time relative to the reference's in the same round.
    """
    rows = []
    for key, seconds in samples.items():
        milliseconds = 1e3 * np.array(seconds) / images
        relative = np.array(seconds) / np.array(samples[reference])
        rows.append(
            {
                "contender": key,
                "median": _rounded(np.median(milliseconds)),
                "quartiles": _quartiles(milliseconds),
                "times_ours": _rounded(np.median(relative)),
                "times_ours_quartiles": _quartiles(relative),
                "milliseconds": [_rounded(x) for x in milliseconds],
            }
        )
    return rows


def _quartiles(values: np.ndarray) -> list[float]:
    return [_rounded(x) for x in np.percentile(values, (25, 75))]


def _rounded(x: float) -> float:
    """Four digits: the fifth is noise."""
    return float(f"{x:.4g}")
