"""The study file: its schema, the shipped studies, and what the workflow derives from them."""
