"""The normal form of triggers, by the names that the rest of the engine uses; `language` holds the rules."""

from trigger_engine.core.language import FIELDS, Path, Problem, check_definition, trigger_version

__all__ = ["FIELDS", "Path", "Problem", "check_definition", "trigger_version"]
