"""`gan3dinv pretrain`: from a generator to the networks that its inversions start from."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from gan3dinv_ns.cli import main
from gan3dinv_ns.encoders import find_initialisers, load_estimator


@pytest.fixture(scope="module")
def pairs(tiny_generator_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve pairs of the tiny generator, rolled."""
    folder = tmp_path_factory.mktemp("data") / "pairs"
    options = ["--generator", str(tiny_generator_file), "--count", "12", "--roll", "0.3", "--device", "cpu"]
    main(["pretrain", "data", *options, "--output-dir", str(folder)])
    return folder


def test_three_commands_make_both_networks_of_a_generator(
    pairs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    common = ["--data", str(pairs), "--output-dir", str(tmp_path), "--steps", "2", "--batch", "4"]
    main(["pretrain", "encoder", *common, "--perceptual-weight", "0.8"])
    main(["pretrain", "pose", *common])
    shown = capsys.readouterr().out
    encoder, pose = tmp_path / "tiny.encoder.safetensors", tmp_path / "tiny.pose-roll.safetensors"
    assert f"wrote {encoder}" in shown and f"wrote {pose}" in shown
    found = find_initialisers(tmp_path / "tiny.safetensors")
    assert found is not None and found.encoder is not None and found.estimator_with_roll is not None
    assert load_estimator(pose).config.rotation == "sixd", "rolled pairs need more than two angles"
    assert found.encoder(torch.zeros(1, 3, 128, 128)).shape == (1, 512)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["data", "--count", "0"], "count 0 is too small"),
        (["data", "--generator", "gone.pkl"], r"gone\.pkl: no such file"),
        (["encoder", "--data", "nowhere"], "nowhere: no folder of pairs"),
        (["pose", "--data", "nowhere"], "nowhere: no folder of pairs"),
        (["pose", "--steps", "0"], "steps 0 is too small"),
        (["pose", "--side", "50"], "side 50 must be divisible by 16"),
        (["encoder", "--latent-weight", "0"], "latent_weight and perceptual_weight are both 0"),
    ],
)
def test_what_is_wrong_is_named_in_one_line(arguments: list[str], reason: str, pairs: Path, tmp_path: Path) -> None:
    data = [] if arguments[0] == "data" or "--data" in arguments else ["--data", str(pairs)]
    with pytest.raises(SystemExit, match=reason) as ended:
        main(["pretrain", *arguments, *data, "--output-dir", str(tmp_path / "out")])
    assert "\n" not in str(ended.value)
