"""Latency models with fitted weights: features, training, evaluation, storage, selection of what to measure next."""
