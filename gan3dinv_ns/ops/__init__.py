"""Floor 0: image files, atomic writes, seeding, resampling filters. Nothing here knows a network or a camera."""
