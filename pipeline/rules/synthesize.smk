# Area by module of the default and of the design found, where the study asks for it; without the tools the file says so.
rule synthesize:
    input:
        mappings="results/{study}/designs/{workload}/mappings.csv",
    output:
        areas="results/{study}/synthesis/{workload}.json",
    log:
        "results/{study}/logs/synthesize/{workload}.log",
    benchmark:
        "results/{study}/benchmarks/synthesize/{workload}.tsv"
    threads: 1
    resources:
        slots=1,
        mem_mb=3000,
    params:
        design=lambda w: STUDIES[w.study].design,
        rtl=lambda w: Design.read(STUDIES[w.study].design).digest,
        sources=source_digest("pipeline.stages.module_areas"),
    shell:
        "{PYTHON:q} -m pipeline.stages.module_areas --design {params.design:q} {input.mappings:q} {output.areas:q}"
        " 2>&1 | tee {log:q}"
