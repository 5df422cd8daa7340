"""`gan3dinv heads reader`: train the network that reads heads on the labelled scale."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gan3dinv_ns.inversion.networks import resolve_device
from gan3dinv_ns.ops.compute_choices import DeviceName


@dataclass(frozen=True)
class TrainReader:
    """Train the network that reads age, smile and identity of heads, for evaluations; about a millisecond a picture."""

    data: Path = Path("outputs/heads.safetensors")
    """Packed heads (`gan3dinv heads pack`); two pictures of each are taken."""
    generator: str = "makehuman128-64"
    """The generator beside which evaluations look for the reader."""
    output: Path | None = None
    """The file; None takes NAME.reader.safetensors beside the generator."""
    pictures_seen: int = 500_000
    """Pictures over all steps."""
    judged: int = 300
    """Unseen heads that the reader is judged on."""
    seed: int = 950_000
    """Seed of the first of these."""
    device: DeviceName = "auto"
    """auto is CUDA if there is one, else the CPU."""

    def main(self) -> None:
        """Trains, prints how well unseen heads are read, and writes the file.

        Raises:
            ValueError: the packed heads cannot be used, or a number is too small.
            FileWriteError: the disk is full or the place is not writable.
        """
        from gan3dinv_ns.cli.progress import counting_bar
        from gan3dinv_ns.evaluation.attribute_regressor import SIDE
        from gan3dinv_ns.evaluation.labelled import LabelledPictures
        from gan3dinv_ns.experiments.face_reader import FaceReader, judged, reader_file
        from gan3dinv_ns.heads.face_scale import scale_labels
        from gan3dinv_ns.heads.labelled_pictures import packed_pictures

        if self.judged < 2 or self.pictures_seen < 1:
            raise ValueError(f"--judged {self.judged} or --pictures-seen {self.pictures_seen} is too small")
        unseen = range(self.seed, self.seed + self.judged)
        data = LabelledPictures(*packed_pictures(self.data, unseen, SIDE, describe=scale_labels))
        with counting_bar("steps") as count:
            device = resolve_device(self.device)
            reader = FaceReader.train(data, self.pictures_seen, device, lambda _, done, total: count(done, total))
        readings, strangers = judged(reader, unseen)
        for one in readings:
            print(f"{one.name}: {one.measure} {one.value:.3f}")
        print(f"likeness of two heads: {strangers:.3f}")
        path = self.output or reader_file(self.generator)
        reader.save(path)
        print(f"wrote {path.resolve()}")
