"""Logistic regression with weights that may not fall below 0.

Newton's method whose every step minimises the loss's quadratic model within the bounds, by an active set (Lawson and
Hanson, Solving Least Squares Problems, 1974): a step that is merely cut off at the bounds need not go downhill when
features are alike (Bertsekas, SIAM Journal on Control and Optimization 20, 1982).
"""

import numpy as np
import numpy.typing as npt

NEWTON_STEPS = 60
SMALLEST_GAIN = 1e-9
"""Of the loss: less is the end."""

ROUNDING = 1e-12

type Vector = npt.NDArray[np.float64]


def bounded_logistic(rows: Vector, wrong: Vector, prior: Vector, ridge: float) -> tuple[Vector, float]:
    """Return weights ≥ 0 and an intercept that minimise logistic loss + ridge/2 · |weights - prior|²."""
    design = np.concatenate([rows, np.ones((len(rows), 1))], axis=1)
    penalty = np.append(np.full(rows.shape[1], ridge), 1e-6)
    centre = np.append(prior, 0.0)
    weights = np.maximum(0.0, centre)
    # From where the mean is right: far out all curvature is lost, and Newton's steps lead farther still.
    share = min(max(float(wrong.mean()), 1e-3), 1.0 - 1e-3)
    weights[-1] = np.log(share / (1.0 - share)) - float((rows @ weights[:-1]).mean())
    lowest = np.append(np.zeros(rows.shape[1]), -np.inf)

    def loss(at: Vector) -> float:
        logits = design @ at
        return float(np.sum(np.logaddexp(0.0, logits) - wrong * logits) + 0.5 * np.sum(penalty * (at - centre) ** 2))

    best = loss(weights)
    for _ in range(NEWTON_STEPS):
        probability = 1.0 / (1.0 + np.exp(-np.clip(design @ weights, -40, 40)))
        gradient = design.T @ (probability - wrong) + penalty * (weights - centre)
        hessian = design.T @ (design * (probability * (1 - probability))[:, None]) + np.diag(penalty)
        step = bounded_step(hessian, gradient, lowest - weights)
        size, downhill = 1.0, 1e-4 * float(gradient @ step)
        while size > 1e-8 and loss(weights + size * step) > best + size * downhill:
            size /= 2
        moved = weights + size * step
        moved[:-1][moved[:-1] < ROUNDING] = 0.0  # pressed against the bound, not a hair above it
        gained = best - loss(moved)
        if gained <= SMALLEST_GAIN * max(1.0, best):
            break
        weights, best = moved, best - gained
    return weights[:-1], float(weights[-1])


def bounded_step(hessian: Vector, gradient: Vector, lowest: Vector) -> Vector:
    """Return the step ≥ `lowest`, shape (n,), that minimises gradient · step + ½ step · hessian · step."""
    pressed = (lowest >= 0.0) & (gradient > 0.0)
    step = np.where(pressed, lowest, 0.0)
    for _ in range(4 * len(gradient)):
        step = _within(hessian, gradient, lowest, pressed, step)
        pull = gradient + hessian @ step
        freed = np.where(pressed, pull, 0.0)
        if freed.min() >= -1e-9 * max(1.0, float(np.abs(gradient).max())):
            break
        pressed[int(freed.argmin())] = False
    return step


def _within(hessian: Vector, gradient: Vector, lowest: Vector, pressed: npt.NDArray[np.bool_], step: Vector) -> Vector:
    """Return the best step with some weights pressed against their bounds; those that reach theirs are pressed, too."""
    while True:
        free = ~pressed
        wanted = step.copy()
        rest = gradient[free] + hessian[np.ix_(free, pressed)] @ step[pressed]
        wanted[free] = np.linalg.solve(hessian[np.ix_(free, free)], -rest)
        beyond = free & (wanted < lowest)
        if not beyond.any():
            return wanted
        # Go as far towards it as the first bound allows.
        share = float(((lowest - step)[beyond] / (wanted - step)[beyond]).min())
        step = np.maximum(lowest, step + share * (wanted - step))
        pressed |= beyond & (step <= lowest + 1e-12)
