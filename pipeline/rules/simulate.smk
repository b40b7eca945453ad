# Measures the mappings of one batch on the RTL. All batches share one journal: nothing is simulated twice.
# On a cluster a training batch and its sampling are one job, and a profile may join several shards.
rule simulate:
    input:
        points="results/{study}/points/{batch}.parquet",
        rtl=lambda w: PLANS[w.study].generated(w.batch),
    output:
        table="results/{study}/sim/{batch}.parquet",
    log:
        "results/{study}/logs/simulate/{batch}.log",
    benchmark:
        "results/{study}/benchmarks/simulate/{batch}.tsv"
    group:
        lambda w: "shards" if w.batch.startswith("r0/") else None
    threads: 1
    resources:
        slots=1,
        mem_mb=2000,
    params:
        design=lambda w: STUDIES[w.study].design,
        memory=lambda w: STUDIES[w.study].simulation.memory,
        driver=lambda w: STUDIES[w.study].simulation.driver,
        work=lambda w: f"{PLANS[w.study].folder}/work",
        rtl=lambda w: Design.read(STUDIES[w.study].design).digest,
        sources=source_digest("pipeline.stages.simulate"),
    shell:
        "{PYTHON:q} -m pipeline.stages.simulate --design {params.design:q} --memory {params.memory}"
        " --driver {params.driver} --work-dir {params.work:q}"
        " {input.points:q} {output.table:q} 2>&1 | tee {log:q}"
