"""Statements that do nothing unless a value asks for them, and came after results that are in many a store.

The identity of a training counts such a value, `learning_rate` say, where it is given, and leaves these statements out
of the meaning of their module: so what was stored before them is found. They stand here word for word, as `ast.unparse`
writes them; one that is changed counts from then on, and its entry is deleted, not renewed: results with such a value
were made by the statement that stood there.
"""

LATER: dict[str, tuple[str, ...]] = {
    "charrec.models.convnet": (
        "learning_rate: Annotated[float, Field(gt=0, le=1)] | None = Field(None, exclude_if=lambda rate: rate is None)",
    ),
    "charrec.training.recipe": (
        "if self.network and self.network.learning_rate:\n    return keras.optimizers.Adam(self.network.learning_rate)",
    ),
}
