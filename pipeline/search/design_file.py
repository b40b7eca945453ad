"""What ``design.json`` holds, for those who read it and for its JSON schema."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from pipeline.choices import Area

Positive = Annotated[float, Field(gt=0)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Totals(_Part):
    """Predicted costs; of several networks the weighted geometric means."""

    cycles: Positive
    energy_uj: Positive = Field(description="Energy in microjoule.")
    edp: Positive = Field(description="Energy-delay product in microjoule-cycles.")
    area_mm2: Positive = Field(description="Area in mm2.")


class NetworkPart(_Part):
    """Predicted costs of one run of a network; times and rates at ``clock_mhz``."""

    workload: str
    weight: Positive
    cycles: Positive
    energy_uj: Positive
    edp: Positive
    share_of_cycles: float = Field(gt=0, le=1, description="Its cycles over those of all networks.")
    ms: Positive
    inferences_per_s: Positive
    tops_per_w: Positive = Field(description="10^12 operations a joule; a multiply-accumulate is two.")
    max_cycles: Positive | None = Field(None, description="The limit that was asked for.")


class DesignFile(_Part):
    """The design that a search found."""

    workload: str = Field(description="Name; of several networks joined by +.")
    method: str = Field(description="Search method, or module:Class.")
    model: str = Field(description="Latency model that judged.")
    objective: str
    machine: str
    memory: str
    seed: int
    status: str
    hardware: dict[str, str | float] = Field(description="Id and sizes: dim, then physical KiB of each memory.")
    totals: Totals
    area: Area = Field(description="Where the area comes from: published tables, or synthesis of the RTL.")
    clock_mhz: Positive
    networks: list[NetworkPart] = Field(min_length=1)
    gap_to_best_possible: float | None = Field(description="How far above the best at most, where that is known.")
    best_possible_over: str | None = Field(description="Over which designs, where that is known.")
    evaluations: Positive
    invalid: int = Field(ge=0, description="Layer candidates that did not fit; not counted.")
    seconds: float = Field(ge=0)
    versions: dict[str, str]
