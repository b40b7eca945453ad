# Draws the mappings that one shard of a training hardware point measures.
rule sample:
    output:
        points="results/{study}/points/r0/{hardware}-{shard}.parquet",
    log:
        "results/{study}/logs/sample/{hardware}-{shard}.log",
    benchmark:
        "results/{study}/benchmarks/sample/{hardware}-{shard}.tsv"
    group:
        "shards"
    threads: 1
    resources:
        slots=1,
        mem_mb=1000,
    params:
        machine=lambda w: PLANS[w.study].machine,
        hardware=lambda w: sizes(PLANS[w.study].hardware[w.hardware]),
        workloads=lambda w: list(PLANS[w.study].workloads.values()),
        points=lambda w: PLANS[w.study].points(w.hardware, int(w.shard)),
        max_cycles=lambda w: STUDIES[w.study].sampling.max_cycles,
        random=lambda w: STUDIES[w.study].sampling.random,
        constructive=lambda w: STUDIES[w.study].sampling.constructive,
        evaluations=lambda w: STUDIES[w.study].sampling.search_evaluations,
        seed=lambda w: STUDIES[w.study].seed,
        layers=lambda w: PLANS[w.study].workload_digests,
        sources=source_digest("pipeline.stages.sample", method_module("gradient")),
    shell:
        "{PYTHON:q} -m pipeline.stages.sample --hardware {params.hardware} {params.machine:q}"
        " --points {params.points} --max-cycles {params.max_cycles} --random {params.random}"
        " --constructive {params.constructive} --evaluations {params.evaluations}"
        " --seed {params.seed} --shard {wildcards.shard} {output.points:q} {params.workloads:q} 2>&1 | tee {log:q}"
