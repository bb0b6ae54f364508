"""Processes: the only place where settings, clocks and adapters meet cores."""
