"""What turns text into vectors."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Vectors = NDArray[np.float32]
else:
    Vectors = Any  # numpy is only loaded with the first vector


class Embedder(Protocol):
    """A model: unit vectors, one a row, of `dimensions` numbers.

    Vectors of two fingerprints are never compared. Where there is no model, there is no embedder.
    A model elsewhere is known by its first answer: until then its fingerprint is empty and its dimensions are 0.
    """

    @property
    def fingerprint(self) -> str:
        """What tells this model from every other."""
        ...

    @property
    def dimensions(self) -> int:
        """How many numbers a vector has."""
        ...

    async def embed(self, texts: Sequence[str], *, is_query: bool = False) -> Vectors:
        """The texts' vectors, in their order; for a query, which somebody waits for, it is given up sooner.

        Raises:
            RetriableError: the model does not answer.
            PermanentError: it refuses one of the texts, which are no query.

        """
        ...

    async def close(self) -> None:
        """Let go of what it holds."""
        ...
