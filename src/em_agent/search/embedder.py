"""What turns text into vectors."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]


class Embedder(Protocol):
    """A model: unit vectors, one a row, of `dimensions` numbers.

    Vectors of two fingerprints are never compared. Where there is no model, there is no embedder.
    """

    fingerprint: str
    dimensions: int

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """The texts' vectors, in their order.

        Raises:
            RetriableError: the model does not answer.

        """
        ...
