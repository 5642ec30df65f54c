"""Logistic regression with weights that may not fall below 0, by the projected Newton method.

For simple bounds: Bertsekas, SIAM Journal on Control and Optimization 20, 1982.
"""

import numpy as np
import numpy.typing as npt

NEWTON_STEPS = 60
SMALLEST_GAIN = 1e-9
"""Of the loss: less is the end."""

type Vector = npt.NDArray[np.float64]


def bounded_logistic(rows: Vector, wrong: Vector, prior: Vector, ridge: float) -> tuple[Vector, float]:
    """Return weights ≥ 0 and an intercept that minimise logistic loss + ridge/2 · |weights - prior|²."""
    design = np.concatenate([rows, np.ones((len(rows), 1))], axis=1)
    penalty = np.append(np.full(rows.shape[1], ridge), 1e-6)
    centre = np.append(prior, 0.0)
    weights = np.maximum(0.0, centre)
    lowest = np.append(np.zeros(rows.shape[1]), -np.inf)

    def loss(at: Vector) -> float:
        logits = design @ at
        return float(np.sum(np.logaddexp(0.0, logits) - wrong * logits) + 0.5 * np.sum(penalty * (at - centre) ** 2))

    best = loss(weights)
    for _ in range(NEWTON_STEPS):
        probability = 1.0 / (1.0 + np.exp(-np.clip(design @ weights, -40, 40)))
        gradient = design.T @ (probability - wrong) + penalty * (weights - centre)
        free = (weights > lowest) | (gradient < 0)
        inner = design[:, free]
        hessian = inner.T @ (inner * (probability * (1 - probability))[:, None]) + np.diag(penalty[free])
        step = np.zeros_like(weights)
        step[free] = np.linalg.solve(hessian, gradient[free])
        size = 1.0
        while size > 1e-6 and loss(np.maximum(lowest, weights - size * step)) > best:
            size /= 2
        moved = np.maximum(lowest, weights - size * step)
        gained = best - loss(moved)
        if gained <= SMALLEST_GAIN * max(1.0, best):
            break
        weights, best = moved, best - gained
    return weights[:-1], float(weights[-1])
