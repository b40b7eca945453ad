# Writes the SystemVerilog of one training hardware point.
rule generate:
    output:
        rtl="results/{study}/rtl/{hardware}.json",
    log:
        "results/{study}/logs/generate/{hardware}.log",
    benchmark:
        "results/{study}/benchmarks/generate/{hardware}.tsv"
    threads: 1
    resources:
        slots=1,
        mem_mb=500,
    params:
        design=lambda w: STUDIES[w.study].design,
        hardware=lambda w: sizes(PLANS[w.study].hardware[w.hardware]),
        rtl=lambda w: Design.read(STUDIES[w.study].design).digest,
        sources=source_digest("pipeline.stages.generate"),
    shell:
        "{PYTHON:q} -m pipeline.stages.generate --design {params.design:q} --hardware {params.hardware}"
        " {output.rtl:q} 2>&1 | tee {log:q}"
