"""The workflow: see docs/quickstart.md. Targets: all (default), smoke, paper, dataset."""

import sys

sys.path.insert(0, workflow.basedir)

from pipeline.config.local import clear_stale_lock, limit_resources
from pipeline.config.plan import Plan, sizes
from pipeline.plugins import module_of
from pipeline.search.named import method_module
from pipeline.sources import source_digest
from pipeline.config.study import load_study, shipped_studies
from rtl.design import Design

PYTHON = sys.executable

try:
    unknown = sorted(set(config) - {"study", "design"})
    if unknown:
        raise ValueError(f"unknown --config {unknown[0]!r}; known: study, design")
    STUDY = load_study(str(config.get("study", "default")), design=config.get("design"))
    STUDIES = shipped_studies(config.get("design")) | {STUDY.name: STUDY}
except ValueError as error:
    print(f"error: {error}", file=sys.stderr)
    sys.exit(1)

PLANS = {name: Plan(study) for name, study in STUDIES.items()}

limit_resources(workflow)
clear_stale_lock(workflow)


wildcard_constraints:
    study="[A-Za-z0-9_-]+",
    hardware="[^/]+",
    shard=r"\d+",
    round=r"\d+",
    kind="[a-z]+",
    variant="[a-z0-9]+",
    workload="[^/]+",
    seed=r"\d+",
    bench="[a-z]+",


# Stages of seconds run beside snakemake itself, also where a cluster runs the others.
localrules:
    all,
    smoke,
    paper,
    dataset,
    study,
    generate,
    reference,
    select,
    choose,
    collect_samples,
    collect_round,
    timeline,
    report,


rule all:
    input:
        f"results/{STUDY.name}/report/report.html",


rule smoke:
    input:
        "results/smoke/report/report.html",


rule paper:
    input:
        "results/paper/report/report.html",
        expand(
            "results/bench/{bench}.json",
            bench=["fidelity", "model", "search", "learned"],
        ),


rule dataset:
    input:
        f"results/{STUDY.name}/dataset.parquet",


include: "pipeline/rules/sample.smk"
include: "pipeline/rules/generate.smk"
include: "pipeline/rules/simulate.smk"
include: "pipeline/rules/collect.smk"
include: "pipeline/rules/train.smk"
include: "pipeline/rules/search.smk"
include: "pipeline/rules/select.smk"
include: "pipeline/rules/validate.smk"
include: "pipeline/rules/timeline.smk"
include: "pipeline/rules/synthesize.smk"
include: "pipeline/rules/report.smk"
