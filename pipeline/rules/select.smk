# Chooses what to simulate after a search: the designs found, and mappings that the model is least sure of.
rule select:
    input:
        mappings=lambda w: [
            f"{folder}/mappings.csv"
            for folder in PLANS[w.study].search_folders(w.variant, w.workload)
        ],
        model=lambda w: PLANS[w.study].model_files(w.variant),
    output:
        points="results/{study}/points/{variant}/{workload}.parquet",
    log:
        "results/{study}/logs/select/{variant}-{workload}.log",
    benchmark:
        "results/{study}/benchmarks/select/{variant}-{workload}.tsv"
    wildcard_constraints:
        variant="(?!reference|r0/)[a-z0-9]+",
    threads: 1
    resources:
        slots=1,
        mem_mb=2000,
    params:
        machine=lambda w: PLANS[w.study].machine,
        model=lambda w: PLANS[w.study].model(w.variant),
        tiled=lambda w: ([] if PLANS[w.study].is_baseline(w.variant) else ["--tiled"]),
        uncertain=lambda w: PLANS[w.study].uncertain(w.variant),
        max_cycles=lambda w: STUDIES[w.study].sampling.max_cycles,
        seed=lambda w: STUDIES[w.study].seed,
        sources=lambda w: source_digest(
            "pipeline.stages.select", *PLANS[w.study].model_modules(w.variant)
        ),
    shell:
        "{PYTHON:q} -m pipeline.stages.select --workload {wildcards.workload:q} --variant {wildcards.variant}"
        " {params.machine:q} --model {params.model:q} {params.tiled:q} --uncertain {params.uncertain} --max-cycles {params.max_cycles}"
        " --seed {params.seed} {output.points:q} {input.mappings:q} 2>&1 | tee {log:q}"


# The default hardware with the default tiler.
rule reference:
    output:
        points="results/{study}/points/reference/{workload}.parquet",
    log:
        "results/{study}/logs/reference/{workload}.log",
    benchmark:
        "results/{study}/benchmarks/reference/{workload}.tsv"
    threads: 1
    resources:
        slots=1,
        mem_mb=1000,
    params:
        design=lambda w: STUDIES[w.study].design,
        workloads=lambda w: [
            f"--workload={option}" for option in PLANS[w.study].targets[w.workload]
        ],
        layers=lambda w: PLANS[w.study].target_digest(w.workload),
        sources=source_digest("pipeline.stages.reference"),
    shell:
        "{PYTHON:q} -m pipeline.stages.reference {params.workloads:q} --design {params.design:q}"
        " {output.points:q} 2>&1 | tee {log:q}"
