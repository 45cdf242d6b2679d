"""Results that do not fit on the disk."""

import subprocess
import sys
from pathlib import Path

_FILL = """
import resource, sys
from pathlib import Path
from app.watching import write_outputs

folder = Path(sys.argv[1])
write_outputs(folder, "a.wav", {"txt": b"old"})
resource.setrlimit(resource.RLIMIT_FSIZE, (2**16, 2**16))
for place in ("a.wav", "b.wav"):
    try:
        write_outputs(folder, place, {"txt": b"x" * 2**17})
    except OSError as error:
        print(type(error).__name__)
"""


def test_result_that_does_not_fit_leaves_the_one_before(tmp_path: Path) -> None:
    # In a process of its own: the limit holds for every file that it writes.
    done = subprocess.run(
        [sys.executable, "-c", _FILL, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["OSError", "OSError"]
    visible = {path.name: path.read_text() for path in tmp_path.glob("[!.]*")}
    assert visible == {"a.wav.txt": "old"}
