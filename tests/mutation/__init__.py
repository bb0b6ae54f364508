"""Mutation run over the engine's core and flush code: `make mutate`. Not part of the test suite."""
