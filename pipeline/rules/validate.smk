# The best simulated design of a workload.
rule choose:
    input:
        tables=lambda w: [
            f"results/{w.study}/sim/{batch}.parquet"
            for batch in PLANS[w.study].result_batches(w.workload)
        ],
    output:
        designs="results/{study}/designs/{workload}/designs.csv",
        mappings="results/{study}/designs/{workload}/mappings.csv",
    log:
        "results/{study}/logs/choose/{workload}.log",
    benchmark:
        "results/{study}/benchmarks/choose/{workload}.tsv"
    threads: 1
    resources:
        slots=1,
        mem_mb=1000,
    params:
        design=lambda w: STUDIES[w.study].design,
        goal=lambda w: PLANS[w.study].goal(w.workload),
        sources=source_digest("pipeline.stages.choose"),
    shell:
        "{PYTHON:q} -m pipeline.stages.choose --design {params.design:q} {params.goal:q} {output.designs:q} {output.mappings:q} {input.tables:q}"
        " 2>&1 | tee {log:q}"


# Simulates the final design once more: the whole network, and sampled layers with every output byte compared.
rule validate:
    input:
        mappings="results/{study}/designs/{workload}/mappings.csv",
    output:
        table="results/{study}/validation/{workload}.parquet",
    log:
        "results/{study}/logs/validate/{workload}.log",
    benchmark:
        "results/{study}/benchmarks/validate/{workload}.tsv"
    threads: 1
    resources:
        slots=1,
        mem_mb=2000,
    params:
        design=lambda w: STUDIES[w.study].design,
        memory=lambda w: STUDIES[w.study].simulation.memory,
        driver=lambda w: PLANS[w.study].other_driver,
        exact_layers=lambda w: STUDIES[w.study].validation.exact_layers,
        exact_max_cycles=lambda w: STUDIES[w.study].validation.exact_max_cycles,
        seed=lambda w: STUDIES[w.study].seed,
        rtl=lambda w: Design.read(STUDIES[w.study].design).digest,
        sources=source_digest("pipeline.stages.validate"),
    shell:
        "{PYTHON:q} -m pipeline.stages.validate --design {params.design:q} --memory {params.memory}"
        " --driver {params.driver} --exact-layers {params.exact_layers} --exact-max-cycles {params.exact_max_cycles}"
        " --seed {params.seed} {input.mappings:q} {output.table:q} 2>&1 | tee {log:q}"


# Simulates layers of the final design with bus, banks, queues, host and memory changed.
rule what_if:
    input:
        mappings="results/{study}/designs/{workload}/mappings.csv",
    output:
        table="results/{study}/what_if/{workload}.parquet",
    log:
        "results/{study}/logs/what_if/{workload}.log",
    benchmark:
        "results/{study}/benchmarks/what_if/{workload}.tsv"
    threads: 1
    resources:
        slots=1,
        mem_mb=2000,
    params:
        design=lambda w: STUDIES[w.study].design,
        memory=lambda w: STUDIES[w.study].simulation.memory,
        layers=lambda w: STUDIES[w.study].validation.what_if_layers,
        max_cycles=lambda w: STUDIES[w.study].sampling.max_cycles,
        rtl=lambda w: Design.read(STUDIES[w.study].design).digest,
        sources=source_digest("pipeline.stages.what_if"),
    shell:
        "{PYTHON:q} -m pipeline.stages.what_if --design {params.design:q} --memory {params.memory}"
        " --layers {params.layers} --max-cycles {params.max_cycles}"
        " {input.mappings:q} {output.table:q} 2>&1 | tee {log:q}"
