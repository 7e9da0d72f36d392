"""What a discriminator is shown: the same changes of the same draw, each within its bounds, with gradients."""

import torch

from inpainter.nn.augment import augmented


def seen(pictures: torch.Tensor, seed: int = 0) -> torch.Tensor:
    return augmented(pictures, torch.Generator().manual_seed(seed))


def test_it_is_a_function_of_its_generator():
    pictures = torch.rand(4, 3, 16, 16) * 2 - 1
    assert torch.equal(seen(pictures), seen(pictures))
    assert not torch.equal(seen(pictures), seen(pictures, 1))
    assert len({tuple(seen(pictures[:1].expand(8, -1, -1, -1))[i].flatten().tolist()) for i in range(8)}) == 8


def test_a_square_is_cut_and_the_rest_moves_by_an_eighth_at_most():
    pictures = torch.full((64, 3, 16, 24), 0.3)
    cut = (seen(pictures) == 0).all(1)
    share = cut.float().mean((1, 2))
    # The square has a quarter of the pixels where it lies inside; the shift brings in up to an eighth on two sides.
    assert (share > 0).all()
    assert (share <= 0.25 + 2 / 8).all()


def test_gradients_go_through():
    pictures = (torch.rand(2, 3, 16, 16) * 2 - 1).requires_grad_()
    seen(pictures).square().sum().backward()
    assert pictures.grad is not None
    # Those that are not seen count too: contrast is about the mean of all.
    assert (pictures.grad != 0).any(1).all()
    assert torch.isfinite(pictures.grad).all()
