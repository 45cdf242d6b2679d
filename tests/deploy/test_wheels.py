"""`make wheel`: both distributions, built from a copy of the checkout and installed alone.

Needs the package index, so it is marked `image` and run by `make test-image`.
"""

import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from zipfile import ZipFile

import pytest
from running import RunningServer, environment

pytestmark = [pytest.mark.image, pytest.mark.timeout(1500), pytest.mark.xdist_group("wheels")]

BUILD_SECONDS = 600
INSTALL_SECONDS = 1200
# A new environment's torch takes long to be read for the first time.
START_SECONDS = 240


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where everything is built and installed; some gigabytes, so it is removed."""
    folder = tmp_path_factory.mktemp("wheels")
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def dist(repository: Path, folder: Path) -> Path:
    """The folder that `make wheel` fills: two wheels and two source distributions."""
    copy = folder / "checkout"
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=repository, capture_output=True, text=True, check=True,
    )  # fmt: skip
    for name in filter(None, listed.stdout.split("\0")):
        if (repository / name).exists():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(repository / name, copy / name, follow_symlinks=False)
    for source in (".", "clients/python"):
        subprocess.run(
            [sys.executable, "-m", "build", "--no-isolation", "--outdir", folder / "dist", source],
            cwd=copy, check=True, timeout=BUILD_SECONDS, stdout=subprocess.DEVNULL,
        )  # fmt: skip
    return folder / "dist"


def new_environment(folder: Path, wheel: Path, extra: str, constraints: Path) -> Path:
    """Installs a wheel into an empty environment; returns the folder of its programs."""
    subprocess.run(
        [sys._base_executable, "-m", "venv", folder],  # type: ignore[attr-defined]
        check=True, timeout=120,
    )  # fmt: skip
    subprocess.run(
        [folder / "bin" / "python", "-m", "pip", "install", "--quiet",
         "--disable-pip-version-check", "-c", constraints, f"{wheel}{extra}"],
        check=True, timeout=INSTALL_SECONDS,
    )  # fmt: skip
    return folder / "bin"


@pytest.fixture(scope="module")
def service(dist: Path, folder: Path, repository: Path) -> Path:
    [wheel] = dist.glob("nordlyd-*.whl")
    return new_environment(folder / "service", wheel, "", repository / "constraints.txt")


@pytest.fixture(scope="module")
def client(dist: Path, folder: Path, repository: Path) -> Path:
    [wheel] = dist.glob("nordlyd_client-*.whl")
    return new_environment(folder / "client", wheel, "[cli]", repository / "constraints.txt")


def run(
    *command: str | Path, folder: Path, settings: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Runs a program in a folder that has none of the checkout's modules."""
    return subprocess.run(
        command, cwd=folder, env=environment(settings or {}), capture_output=True, text=True,
        timeout=240, check=False,
    )  # fmt: skip


def test_wheels_hold_the_packages_models_and_libraries_only(dist: Path) -> None:
    [wheel] = dist.glob("nordlyd-*.whl")
    names = set(ZipFile(wheel).namelist())
    tops = {name.split("/")[0] for name in names if ".dist-info/" not in name}
    assert tops == {"app", "trainer", "nordlyd_client"}
    assert "app/bundled/models/demo-nb/model.safetensors" in names
    assert "app/bundled/models/nb-wav2vec2-1b-bokmaal/model.toml" in names
    assert {"nordlyd_client/contract/options.py", "nordlyd_client/formats/srt.py"} <= names
    assert "app/database/migrations/versions/r0001_jobs.py" in names
    libraries = {Path(name).name.split(".")[0] for name in names if name.endswith(".so")}
    assert libraries >= {"_decoding"}
    # Sources beside the libraries would be compared with them; signatures are read from headers.
    assert not [name for name in names if name.endswith((".c", ".png"))]
    headers = {Path(name).name for name in names if name.endswith(".h")}
    assert headers == {"api.h", "simd_api.h", "amx_api.h"}

    [wheel] = dist.glob("nordlyd_client-*.whl")
    names = set(ZipFile(wheel).namelist())
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {"nordlyd_client"}
    assert {"nordlyd_client/contract/options.py", "nordlyd_client/formats/srt.py"} <= names


def test_source_distributions_hold_no_links(dist: Path) -> None:
    archives = sorted(dist.glob("*.tar.gz"))
    assert len(archives) == 2
    for archive in archives:
        with tarfile.open(archive) as file:
            members = file.getmembers()
        assert not [member.name for member in members if member.issym() or member.islnk()]


def test_installed_service_serves_a_request_from_an_empty_folder(
    service: Path, client: Path, repository: Path, tmp_path: Path
) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    sample = repository / "models/demo-da/samples/sample-1.flac"
    server = RunningServer(tmp_path, {}, program=service / "nordlyd", directory=empty)
    try:
        server.wait_ready(START_SECONDS)
        with server.client() as http, sample.open("rb") as file:
            answer = http.post("/transcribe", files={"file": file}).json()
            health = http.get("/health").json()
            job = http.post("/jobs?language=da", content=sample.read_bytes()).json()["id"]
            assert http.get(f"/jobs/{job}?wait=60").json()["status"] == "completed"
            assert http.get(f"/jobs/{job}/result").json()["text"] == answer["text"]
        assert "rapport" in answer["text"]
        assert (answer["decoder"], answer["lm"]) == ("beam", "default")
        assert {model["id"] for model in health["models"]} == {"demo-da", "demo-nb", "demo-nn"}
        # The line to try names a sample that is installed.
        [line] = [line for line in server.greeting if "file=@" in line]
        assert "/app/bundled/models/" in line
        assert Path(line.split("file=@")[1].split()[0]).is_file()
        assert not list(empty.iterdir())

        options = ("--language", "da", "--server", server.address)
        text = run(client / "nordlyd", "transcribe", sample, *options, folder=tmp_path)
        assert (text.returncode, text.stderr) == (0, "")
        assert text.stdout == answer["text"] + "\n"
        out = tmp_path / "out"
        every = run(
            client / "nordlyd", "transcribe", sample.parent, "-f", "all", "-o", out, *options,
            folder=tmp_path,
        )  # fmt: skip
        assert every.returncode == 0, every.stderr
        assert {path.suffix for path in out.glob("sample-1.*")} == {
            ".json", ".txt", ".srt", ".vtt", ".tsv", ".TextGrid", ".eaf", ".ctm", ".stm", ".rttm",
            ".md", ".docx", ".ttml", ".stl", ".exb",
        }  # fmt: skip
        (tmp_path / "spoken.txt").write_text(answer["text"], "utf-8")
        aligned = run(
            client / "nordlyd", "align", sample, "spoken.txt", "-f", "ctm", *options,
            folder=tmp_path,
        )  # fmt: skip
        assert aligned.returncode == 0, aligned.stderr
        assert len(aligned.stdout.splitlines()) == len(answer["words"])
    finally:
        assert server.stop() == 0


def test_installed_service_transcribes_without_a_server(
    service: Path, repository: Path, tmp_path: Path
) -> None:
    sample = repository / "models/demo-da/samples/sample-1.flac"
    text = run(service / "nordlyd", "transcribe", sample, "--language", "da", folder=tmp_path)
    assert (text.returncode, text.stderr) == (0, "")
    assert "rapport" in text.stdout
    listed = run(service / "nordlyd", "models", "list", folder=tmp_path)
    assert "nb-wav2vec2-1b-bokmaal" in listed.stdout


@pytest.mark.parametrize(
    "command",
    ["serve", "models list", "bench encoder", "transcribe speech.wav", "stream speech.wav"],
)
def test_client_alone_names_what_to_install(client: Path, tmp_path: Path, command: str) -> None:
    (tmp_path / "speech.wav").write_bytes(b"RIFF")
    ended = run(client / "nordlyd", *command.split(), folder=tmp_path)
    assert (ended.returncode, ended.stdout) == (1, "")
    [line] = ended.stderr.splitlines()
    assert "pip install nordlyd" in line


def test_client_alone_installs_no_heavy_package(client: Path, tmp_path: Path) -> None:
    listed = run(client / "python", "-m", "pip", "list", "--format=freeze", folder=tmp_path)
    packages = {line.split("==")[0].lower() for line in listed.stdout.split()}
    assert "nordlyd-client" in packages
    assert not {"torch", "numpy", "fastapi", "av", "nordlyd"} & packages
    assert run(client / "python", "-m", "pip", "check", folder=tmp_path).returncode == 0
    assert run(client / "nordlyd", "--version", folder=tmp_path).stdout.startswith("nordlyd 0.")


def test_benchmarks_of_a_wheel_are_refused_in_one_line(service: Path, tmp_path: Path) -> None:
    ended = run(service / "nordlyd", "bench", "encoder", folder=tmp_path)
    assert ended.returncode == 1
    [line] = ended.stderr.splitlines()
    assert "checkout" in line
