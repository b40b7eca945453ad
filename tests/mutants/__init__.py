"""Planted bugs: patches of the RTL, each with the tests of which at least one must fail (``make test-mutants``)."""
