"""Side-by-side measurements; each prints a readable table and, last, one line of JSON."""

BENCHMARKS = (
    "encoder",
    "server",
    "latency",
    "load",
    "soak",
    "fairness",
    "media",
    "memory",
    "startup",
    "windows",
    "decoder",
    "alignment",
    "segmentation",
    "words",
<<<<<<< HEAD
    "costs",
=======
    "names",
>>>>>>> main
    "everyday",
    "streaming",
    "languages",
    "training",
    "jobs",
    "simulate",
    "archive",
    "scale",
    "diarization",
    "page",
)
"""Each is a module with a `main(argv)`."""
