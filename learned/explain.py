"""What a trained model found out about its design, in an architect's words."""

from learned.guarded import Guarded
from learned.model import TrainedModel
from pipeline.machine.constants import Constant

PINNED = 0.5
"""Share of a constant's first uncertainty that the rows must remove for it to count as measured."""


def explain_model(model: TrainedModel) -> list[str]:
    """Lines of text: what was measured, what the rows cannot tell, and how far the correction is trusted."""
    about, weights = model.metadata, model.weights
    lines = [f"{about.kind} model of {about.machine}, fitted to {about.rows} rows"]
    lines += [f"  on held-out shapes: {_scores(about.scores)}"] if about.scores else []
    if not isinstance(weights, Guarded):
        return [*lines, "Its weights mean nothing by themselves."]
    constants = model.machine.constants
    if not weights.used:
        lines.append("Held-out rows do not speak for the fitted constants: the model uses the starting values.")
        return [*lines, *_correction(weights)]
    known = weights.calibration.learned.tolist()
    order = sorted(range(len(constants)), key=lambda index: -known[index])
    pinned = [index for index in order if known[index] >= PINNED]
    open_ = [index for index in order if known[index] < PINNED]
    lines.append("Measured (with one standard deviation; before anything was measured):")
    lines += [_line(constants[index], weights, index) for index in pinned]
    if open_:
        lines.append("Not pinned down by these rows (close to where they started):")
        lines += [_line(constants[index], weights, index) for index in open_]
    return [*lines, *_correction(weights)]


def _line(constant: Constant, weights: Guarded, index: int) -> str:
    fitted = weights.calibration
    value, low, high = (float(part[index]) for part in (fitted.values, fitted.low, fitted.high))
    name = constant.name.removesuffix("_cycles").replace("_", " ")
    unit = "" if constant.unit == "share" else f" {constant.unit}"
    spread = f"{value:.3g} +- {(high - low) / 2:.2g}{unit}"
    return f"  {name + ':':28s} {spread:28s} ({constant.start:g})  {constant.meaning}"


def _correction(weights: Guarded) -> list[str]:
    share = float(weights.share)
    if share == 0:
        return ["No correction is applied: held-out rows do not say that it helps."]
    return [f"A correction learned from {len(weights.correction.support)} rows is applied to {100 * share:.0f} %."]


def _scores(scores: dict[str, float]) -> str:
    shown = [f"Spearman {scores['spearman']:.4f}"] if "spearman" in scores else []
    shown += [
        f"{name.replace('_', ' ')} {100 * scores[name]:.1f} %"
        for name in ("median_error", "p90_error")
        if name in scores
    ]
    return ", ".join(shown)
