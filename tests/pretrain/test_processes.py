"""Several processes, started by torch's own launcher."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

PROGRAM = """
import json, sys
from pathlib import Path
import torch
from gan3dinv_ns.encoders import PoseEstimatorConfig
from gan3dinv_ns.encoders.pairs import load_pairs
from gan3dinv_ns.pretrain.pose_training import PoseTraining, PoseTrainingSettings
from gan3dinv_ns.pretrain.processes import join_processes
from gan3dinv_ns.pretrain.training import TrainingSettings

torch.set_num_threads(1)
pairs, folder = Path(sys.argv[1]), Path(sys.argv[2])
network = PoseEstimatorConfig(side=32, channels=(4, 4, 8, 8))
settings = PoseTrainingSettings(TrainingSettings(steps=4, batch=4, save_steps=2), network)
with join_processes() as processes:
    training = PoseTraining(load_pairs(pairs, 32), folder, folder / "x.pose.safetensors", settings, processes)
    training.run()
    weights = [float(weight.detach().double().sum()) for weight in training.network.parameters()]
    told = {"count": processes.count, "step": training.step, "weights": weights}
    (folder / f"rank{processes.rank}.json").write_text(json.dumps(told))
"""


def test_two_processes_train_one_network(pairs_folder: Path, tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    run = subprocess.run(
        [*launcher, str(program), str(pairs_folder), str(tmp_path)], capture_output=True, text=True, timeout=300
    )
    assert run.returncode == 0, run.stderr[-3000:]
    first, second = (json.loads((tmp_path / f"rank{rank}.json").read_text()) for rank in (0, 1))
    assert first["count"] == 2 and first["step"] == second["step"] == 4
    assert first["weights"] == second["weights"], "gradients are averaged"
    assert (tmp_path / "x.pose.safetensors").is_file()
