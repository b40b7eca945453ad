"""The public Python interface: workloads, mappings, estimates, searches, simulations and training.

Tables are pandas data frames in the columns of the public DOSA data (docs/measurements.md). docs/python.md goes
through it.
"""

from dosa_hil.tables import (
    estimate,
    load_model,
    machine,
    sample,
    search,
    simulate,
    table_of,
    tensors,
    timeline,
    train,
)
from learned.model import TrainedModel
from learned.store import load, save
from pipeline.hardware import Hardware, HardwareTensors
from pipeline.machine.capacity import check_fits
from pipeline.machine.cost import cost
from pipeline.machine.latency import AnalyticalModel, Latency, LatencyModel
from pipeline.machine.machine import Machine
from pipeline.mapping import Mapping
from pipeline.mapping_tensors import LayerTensors, MappingTensors
from pipeline.measurement import COUNTERS, CYCLE_COUNTERS
from pipeline.search.driver import Method, State
from pipeline.search.problem import Problem, Recorder
from pipeline.search.result import SearchResult
from pipeline.table import read_table, write_table
from pipeline.workload import Layer, Workload, WorkloadLayer, load_workload, workload_names

__all__ = [
    "COUNTERS",
    "CYCLE_COUNTERS",
    "AnalyticalModel",
    "Hardware",
    "HardwareTensors",
    "Latency",
    "LatencyModel",
    "Layer",
    "LayerTensors",
    "Machine",
    "Mapping",
    "MappingTensors",
    "Method",
    "Problem",
    "Recorder",
    "SearchResult",
    "State",
    "TrainedModel",
    "Workload",
    "WorkloadLayer",
    "check_fits",
    "cost",
    "estimate",
    "load",
    "load_model",
    "load_workload",
    "machine",
    "read_table",
    "sample",
    "save",
    "search",
    "simulate",
    "table_of",
    "tensors",
    "timeline",
    "train",
    "workload_names",
    "write_table",
]
