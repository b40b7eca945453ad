# One search for the hardware and mappings of a network, or of all networks on one hardware.
rule search:
    input:
        model=lambda w: PLANS[w.study].model_files(w.variant),
    output:
        design="results/{study}/search/{variant}/{workload}/s{seed}/design.json",
        mappings="results/{study}/search/{variant}/{workload}/s{seed}/mappings.csv",
        trace="results/{study}/search/{variant}/{workload}/s{seed}/trace.csv",
    log:
        "results/{study}/logs/search/{variant}-{workload}-s{seed}.log",
    benchmark:
        "results/{study}/benchmarks/search/{variant}-{workload}-s{seed}.tsv"
    threads: 1
    resources:
        slots=1,
        mem_mb=3000,
    params:
        out=lambda w, output: output.design.removesuffix("/design.json"),
        workloads=lambda w: [
            f"--workload={option}" for option in PLANS[w.study].targets[w.workload]
        ],
        method=lambda w: PLANS[w.study].method(w.variant),
        machine=lambda w: PLANS[w.study].machine,
        model=lambda w: PLANS[w.study].model(w.variant),
        evaluations=lambda w: STUDIES[w.study].search.evaluations,
        constraints=lambda w: PLANS[w.study].constraints(w.variant),
        goal=lambda w: PLANS[w.study].goal(w.workload),
        layers=lambda w: PLANS[w.study].target_digest(w.workload),
        sources=lambda w: source_digest(
            "pipeline.stages.search",
            method_module(PLANS[w.study].method(w.variant)),
            *PLANS[w.study].model_modules(w.variant),
        ),
    shell:
        "{PYTHON:q} -m pipeline.stages.search {params.workloads:q} --method {params.method:q}"
        " {params.machine:q} --model {params.model:q} --evaluations {params.evaluations} --seed {wildcards.seed} {params.constraints:q} {params.goal:q} --best-effort"
        " --out {params.out:q} 2>&1 | tee {log:q}"
