"""Claims about Anycost GAN's attribute predictor in its published layout."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torchvision.models import resnet50

from gan3dinv_ns.evaluation.smile_estimator import SIDE, load_smile_estimator

CELEBA = """
    5_o_Clock_Shadow Arched_Eyebrows Attractive Bags_Under_Eyes Bald Bangs Big_Lips Big_Nose Black_Hair Blond_Hair
    Blurry Brown_Hair Bushy_Eyebrows Chubby Double_Chin Eyeglasses Goatee Gray_Hair Heavy_Makeup High_Cheekbones Male
    Mouth_Slightly_Open Mustache Narrow_Eyes No_Beard Oval_Face Pale_Skin Pointy_Nose Receding_Hairline Rosy_Cheeks
    Sideburns Smiling Straight_Hair Wavy_Hair Wearing_Earrings Wearing_Hat Wearing_Lipstick Wearing_Necklace
    Wearing_Necktie Young
""".split()  # noqa: SIM905


@torch.no_grad()
def test_published_weights_give_the_log_odds_of_the_published_smile(tmp_path: Path) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = resnet50(num_classes=80).eval()
    torch.save({"state_dict": network.state_dict()}, tmp_path / "smile.pt")
    pictures = torch.rand(2, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(1)) * 2 - 1
    shares = network(pictures).view(-1, 40, 2).softmax(dim=2)[:, CELEBA.index("Smiling"), 1]
    found = load_smile_estimator(tmp_path / "smile.pt")(pictures)
    torch.testing.assert_close(found.sigmoid(), shares, rtol=1e-4, atol=1e-5)


def test_other_files_are_refused_in_one_line(tmp_path: Path) -> None:
    torch.save({"fc.weight": torch.zeros(1000, 2048)}, tmp_path / "imagenet.pt")
    torch.save({"fc.weight": torch.zeros(()).expand(80, 2048)}, tmp_path / "part.pt")
    cases = {"imagenet.pt": "with 80 outputs", "part.pt": "tensors are missing", "no.pt": "no such file"}
    for name, told in cases.items():
        with pytest.raises(ValueError, match=told) as caught:
            load_smile_estimator(tmp_path / name)
        assert name in str(caught.value) and "\n" not in str(caught.value)
