# The study as it was run, defaults filled in.
rule study:
    output:
        study="results/{study}/study.json",
    log:
        "results/{study}/logs/study.log",
    benchmark:
        "results/{study}/benchmarks/study.tsv"
    threads: 1
    resources:
        slots=1,
        mem_mb=200,
    params:
        text=lambda w: STUDIES[w.study].model_dump_json(),
        sources=source_digest("pipeline.stages.study"),
    shell:
        "{PYTHON:q} -m pipeline.stages.study {params.text:q} {output.study:q} 2>&1 | tee {log:q}"


rule report:
    input:
        study="results/{study}/study.json",
        dataset=lambda w: PLANS[w.study].dataset(PLANS[w.study].rounds[-1]),
        designs=lambda w: [
            f"results/{w.study}/designs/{name}/designs.csv"
            for name in PLANS[w.study].targets
        ],
        validation=lambda w: [
            f"results/{w.study}/validation/{name}.parquet"
            for name in PLANS[w.study].targets
        ],
        what_if=lambda w: [
            f"results/{w.study}/what_if/{name}.parquet"
            for name in PLANS[w.study].what_if_targets
        ],
        timelines=lambda w: [
            f"results/{w.study}/timelines/{name}.parquet"
            for name in PLANS[w.study].targets
        ],
        synthesis=lambda w: [
            f"results/{w.study}/synthesis/{name}.json"
            for name in PLANS[w.study].synthesised
        ],
    output:
        validation="results/{study}/validation.parquet",
        html="results/{study}/report/report.html",
    log:
        "results/{study}/logs/report.log",
    benchmark:
        "results/{study}/benchmarks/report.tsv"
    threads: 1
    resources:
        slots=1,
        mem_mb=1000,
    params:
        sources=source_digest("pipeline.stages.report"),
    shell:
        "{PYTHON:q} -m pipeline.stages.report results/{wildcards.study:q} 2>&1 | tee {log:q}"


# The published experiments; each bench prints its table and writes it.
rule bench:
    output:
        "results/bench/{bench}.json",
    log:
        "results/bench/logs/{bench}.log",
    benchmark:
        "results/bench/logs/{bench}.tsv"
    threads: 1
    resources:
        slots=2,
        mem_mb=4000,
    params:
        sources=lambda w: source_digest(f"benches.{w.bench}"),
    shell:
        "{PYTHON:q} -m benches.{wildcards.bench} 2>&1 | tee {log:q}"
