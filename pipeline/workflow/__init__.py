"""Running the workflow for people: Snakemake is the engine, its events become one line a stage."""
