# Fits one latency model to everything measured before a round.
rule train:
    input:
        dataset=lambda w: PLANS[w.study].dataset(int(w.round) - 1),
    output:
        model="results/{study}/models/r{round}/{kind}.model",
    log:
        "results/{study}/logs/train/r{round}-{kind}.log",
    benchmark:
        "results/{study}/benchmarks/train/r{round}-{kind}.tsv"
    threads: 1
    resources:
        slots=1,
        mem_mb=2000,
    params:
        machine=lambda w: PLANS[w.study].machine,
        seed=lambda w: STUDIES[w.study].learning.seed,
        sources=source_digest("pipeline.stages.train"),
    shell:
        "{PYTHON:q} -m pipeline.stages.train --kind {wildcards.kind} {params.machine:q} --target sim.cycles"
        " --seed {params.seed} {input.dataset:q} {output.model:q} 2>&1 | tee {log:q}"
