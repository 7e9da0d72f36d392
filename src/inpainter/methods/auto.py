"""The default: what measures best by LPIPS, then by gradient energy, then by PSNR, for every kind of hole.

That is `exemplar` for all of them, thin and thick: `benchmarks/results/classical.json` has the table, and a test checks
this file against it. It depends only on the photo and the mask, never at a clock, so the same photo is filled the same
everywhere.
"""

from inpainter.core import Card, Image, Inpainter, Mask, Method, Work
from inpainter.methods import METHODS
from inpainter.methods.exemplar import EXEMPLAR, Exemplar, ExemplarSettings


class Auto(Inpainter):
    """Patches of the photo; where it has none to give, a smooth fill."""

    view = Exemplar.view

    def __init__(self, quality: str) -> None:
        self.card = AUTO.card
        self._exemplar = Exemplar(quality)

    def predict(self, image: Image, mask: Mask, work: Work) -> Image:
        return self._exemplar.predict(image, mask, work)


AUTO = Method(
    Card(
        name="auto",
        summary=METHODS["auto"].summary,
        source="This project: exemplar, chosen by benchmarks/classical.py",
        good_for=EXEMPLAR.card.good_for,
        bad_for=EXEMPLAR.card.bad_for,
        uses_source=True,
        draws=True,
    ),
    lambda settings, device: Auto(settings.quality),
    ExemplarSettings,
)
