"""Kinds of latency models, one file each; ``MODEL_KINDS`` of ``pipeline.choices`` lists them."""
