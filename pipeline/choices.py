"""The closed choices: what each may be, defined once for the command line, the study and the rules.

A choice that is made of code names it as ``module:attribute``; ``load`` gives it. To add one, write its file, add its
line here, and name it in the page of the documentation that lists them.
"""

import importlib
from typing import TYPE_CHECKING, Any, Literal, get_args

Memory = Literal["simple", "soc"]
"""The memory below the accelerator's bus: fixed latency and limited bandwidth; or a cache, a last-level cache, DRAM."""
MEMORIES: tuple[Memory, ...] = get_args(Memory)

PartialSums = Literal["spill", "drop"]
"""Partial sums of interrupted reductions go to memory and come back; or are left out (timing only)."""

MAPPINGS, AREA = PARTS = ("mappings", "area")
"""Searches that tell what each part gives: mappings on the default hardware; designs of at most its area."""

CoDesign = Literal["each", "shared", "both"]
"""Hardware is searched for every network alone, for all of them together, or both."""

Area = Literal["published", "synthesized"]
"""Where the area of a hardware comes from: the tables of Accelergy; or a fit to synthesis of the RTL."""

DimRule = Literal["from-table", "from-mapping"]
"""Where the array size of a row comes from: its columns; or the smallest array that holds its spatial factors."""

MODEL_KINDS = {
    "dosa": "learned.kinds.analytical:Published",
    "analytical": "learned.kinds.analytical:Analytical",
    "dnn": "learned.kinds.networks:Plain",
    "residual": "learned.kinds.networks:Residual",
    "calibrated": "learned.kinds.timing:calibrated",
    "default": "learned.kinds.timing:Corrected",
}
"""Latency models that can be trained: what makes one's kind (``learned.kinds.kind.Kind``)."""

METHODS = {
    "gradient": "pipeline.search.methods.gradient:Gradient",
    "published": "pipeline.search.methods.gradient:published",
    "random": "pipeline.search.methods.random_search:RandomSearch",
    "bayesian": "pipeline.search.methods.bayesian:Bayesian",
    "genetic": "pipeline.search.methods.genetic:Genetic",
    "default": "pipeline.search.methods.default:Default",
    "exhaustive": "pipeline.search.methods.exhaustive:Exhaustive",
    "exhaustive-ragged": "pipeline.search.methods.exhaustive:with_ragged",
    "exhaustive-learned": "pipeline.search.methods.shortlist:Shortlist",
}
"""Search methods: what makes one (``pipeline.search.driver.Method``)."""

CERTIFIED = ("exhaustive", "exhaustive-ragged")
"""Those of them that prove how good their result is."""

MOVES_STRUCTURE = ("gradient",)
"""Search methods that move the structure of the hardware; the others search with its default."""

OBJECTIVES = {"edp": (1.0, 1.0), "latency": (1.0, 1e-3), "energy": (1e-3, 1.0), "ed2p": (2.0, 1.0)}
"""Objectives: exponents of total cycles and total energy; the small ones break ties."""

if TYPE_CHECKING:
    ModelKind = str
    Objective = str
else:
    ModelKind = Literal[tuple(MODEL_KINDS)]
    Objective = Literal[tuple(OBJECTIVES)]


def load(path: str) -> Any:
    """The attribute that ``module:attribute`` names."""
    module, _, attribute = path.partition(":")
    return getattr(importlib.import_module(module), attribute)
