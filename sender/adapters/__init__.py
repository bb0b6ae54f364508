"""Everything of this stage that touches the outside."""
