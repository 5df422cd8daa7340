"""Floor 0: image files, atomic writes, seeding, resampling filters; no networks, no cameras."""
