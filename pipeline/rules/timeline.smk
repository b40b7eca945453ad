# Records when the first tiles of each layer load, compute and store; the report draws them.
rule timeline:
    input:
        reference="results/{study}/sim/reference/{workload}.parquet",
        mappings="results/{study}/designs/{workload}/mappings.csv",
    output:
        table="results/{study}/timelines/{workload}.parquet",
    log:
        "results/{study}/logs/timeline/{workload}.log",
    benchmark:
        "results/{study}/benchmarks/timeline/{workload}.tsv"
    threads: 1
    resources:
        slots=1,
        mem_mb=1000,
    params:
        design=lambda w: STUDIES[w.study].design,
        memory=lambda w: STUDIES[w.study].simulation.memory,
        rtl=lambda w: Design.read(STUDIES[w.study].design).digest,
        sources=source_digest("pipeline.stages.timeline"),
    shell:
        "{PYTHON:q} -m pipeline.stages.timeline --design {params.design:q} --memory {params.memory}"
        " {input.reference:q} {input.mappings:q} {output.table:q} 2>&1 | tee {log:q}"
