"""The published models are as published."""

from learned import model
from learned.data import read_samples
from learned.evaluate import predict
from learned.model import Metadata, TrainedModel
from learned.published import Network
from pipeline.choices import ModelKind
from pipeline.machine.latency import AnalyticalModel
from pipeline.machine.machine import MachineChoice
from tests.learned.cases import rows, table
from tests.machines import GEMMINI, TIMELOOP

SAMPLES = read_samples(table(rows(6, 6)), "sim.cycles", GEMMINI.template)[0]


def _fit(kind: ModelKind) -> TrainedModel:
    return model.fit(SAMPLES, Metadata(kind, MachineChoice("gemmini", "simple"), "from-table", 0))


def test_the_residual_is_never_below_its_analytical_part() -> None:
    analytical = predict(AnalyticalModel(TIMELOOP), SAMPLES).cycles
    assert (predict(_fit("residual"), SAMPLES).cycles >= analytical).all()


def test_the_network_learns_its_rows_with_seven_hidden_layers_and_about_5700_parameters() -> None:
    fitted = _fit("dnn")
    assert isinstance(fitted.weights, Network)
    assert len(fitted.weights.biases) == 7
    assert 5000 < sum(tensor.numel() for tensor in fitted.weights.tensors()) < 6000
    assert (predict(fitted, SAMPLES).cycles / SAMPLES.cycles).log().abs().median() < 0.2
