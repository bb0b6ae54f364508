"""The reference model: slow, obvious, from `docs/reference/semantics.md` and DESIGN sections 2 to 4.

It shares no line with the engine. Section numbers in its comments are those of the semantics page.
"""
