"""What the tests of distribution want to know of draws."""

import numpy as np
from scipy import stats


def summary(draws, again, other, reach):
    """Of draws (steps, replicas, batch) that are uniform within `reach`.

    `again` are those of the same seed, `other` those of another one.
    """
    flat = draws.ravel()
    return {
        "shape": draws.shape,
        "distinct": len(np.unique(flat)),
        "steps_with_equal_replicas": int((draws[:, 0] == draws[:, 1]).any(1).sum()),
        "rerun_differs": int((draws != again).sum()),
        "equal_to_another_seed": int(np.isin(flat, other.ravel()).sum()),
        "low": float(flat.min()),
        "high": float(flat.max()),
        "p_value": float(stats.kstest(flat, "uniform", (-reach, 2 * reach)).pvalue),
        "replicas_correlate_p": float(
            stats.pearsonr(draws[:, 0].ravel(), draws[:, 1].ravel()).pvalue
        ),
    }
