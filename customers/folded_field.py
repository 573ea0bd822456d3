"""A column of folded copies, written with its row, so that a search finds what was typed in another form."""

from collections.abc import Sequence
from typing import Any

from django.db import models

from customers.folding import search_key


class FoldedField(models.TextField):  # type: ignore[type-arg]
    """The texts of other fields of the row, folded for search, a line each; also when rows are made in bulk."""

    def __init__(self, *args: Any, of: Sequence[str] = (), **kwargs: Any) -> None:
        self.of = tuple(of)
        kwargs |= {"blank": True, "default": "", "editable": False}
        super().__init__(*args, **kwargs)

    def deconstruct(self) -> tuple[str, str, Sequence[Any], dict[str, Any]]:
        """Return how a migration makes this field."""
        name, path, args, kwargs = super().deconstruct()
        return name, path, args, kwargs | {"of": self.of}

    def pre_save(self, model_instance: models.Model, add: bool) -> str:
        """Fold the other fields as they are being written."""
        folded = search_key(*(getattr(model_instance, name) for name in self.of))
        setattr(model_instance, self.attname, folded)
        return folded
