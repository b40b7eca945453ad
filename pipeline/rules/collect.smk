# Joins the measurements of a round to the training data, with what the models of that round had predicted.
rule collect_samples:
    input:
        tables=lambda w: [
            f"results/{w.study}/sim/{batch}.parquet"
            for batch in PLANS[w.study].training_batches()
        ],
    output:
        dataset="results/{study}/dataset.parquet",
    log:
        "results/{study}/logs/collect/r0.log",
    benchmark:
        "results/{study}/benchmarks/collect/r0.tsv"
    threads: 1
    resources:
        slots=1,
        mem_mb=1000,
    params:
        sources=source_digest("pipeline.stages.collect"),
    shell:
        "{PYTHON:q} -m pipeline.stages.collect --round 0 {output.dataset:q} {input.tables:q} 2>&1 | tee {log:q}"


rule collect_round:
    input:
        before=lambda w: PLANS[w.study].dataset(int(w.round) - 1),
        tables=lambda w: [
            f"results/{w.study}/sim/{batch}.parquet"
            for batch in PLANS[w.study].round_batches(int(w.round))
        ],
        models=lambda w: [
            PLANS[w.study].model_file(int(w.round), kind)
            for kind in PLANS[w.study].kinds
        ],
    output:
        dataset="results/{study}/rounds/r{round}/dataset.parquet",
    log:
        "results/{study}/logs/collect/r{round}.log",
    benchmark:
        "results/{study}/benchmarks/collect/r{round}.tsv"
    threads: 1
    resources:
        slots=1,
        mem_mb=2000,
    params:
        models=lambda w, input: [
            f"--model={model}" for model in (*input.models, *PLANS[w.study].own_models)
        ],
        machine=lambda w: PLANS[w.study].machine,
        sources=lambda w: source_digest(
            "pipeline.stages.collect", *map(module_of, PLANS[w.study].own_models)
        ),
    shell:
        "{PYTHON:q} -m pipeline.stages.collect --round {wildcards.round} --before {input.before:q}"
        " {params.models:q} {params.machine:q} {output.dataset:q} {input.tables:q} 2>&1 | tee {log:q}"
