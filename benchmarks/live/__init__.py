"""What runs against a live engine: a population, traffic, and a reader that notes when decisions come."""
