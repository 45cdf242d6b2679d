"""Speech of many voices, by the synthesisers that are installed: Debian's festival and flite.

Each voice has a bank of utterances, which is made once and kept in a folder. Texts are random words
of the voice's language: what is said does not matter to who says it.
"""

import random
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from shutil import which

import numpy as np
import numpy.typing as npt
import soundfile
import soxr

from app.audio import SAMPLE_RATE
from app.errors import ConfigurationError

Samples = npt.NDArray[np.float32]
_WORDS = {
    "en": "we have seen that the answer of the council came late and many people asked for more "
    "time before the meeting about schools roads water winter houses money work and music",
    "it": "oggi abbiamo parlato della scuola nuova con molte persone che vogliono sapere quando "
    "comincia il lavoro sulla strada vicino alla casa bianca del signore",
    "cs": "dnes jsme mluvili o nové škole a mnoho lidí se ptalo kdy začne práce na silnici vedle "
    "starého domu kde bydlí moje rodina a dobrý soused",
    "fi": "tänään puhuimme uudesta koulusta ja monet ihmiset kysyivät milloin työ tiellä alkaa "
    "vanhan talon vieressä jossa perheeni asuu talvella ja kesällä",
    "ca": "avui hem parlat de la nova escola i moltes persones volen saber quan comença la feina "
    "al carrer a prop de la casa blanca del senyor",
    "ru": "сегодня мы говорили о новой школе и многие люди спросили когда начнется работа на "
    "дороге около старого дома где живет моя семья",
}
_LANGUAGES = {
    "kal_diphone": "en", "ked_diphone": "en", "cmu_us_slt_arctic_hts": "en",
    "lp_diphone": "it", "pc_diphone": "it",
    "czech_dita": "cs", "czech_krb": "cs", "czech_machac": "cs", "czech_ph": "cs",
    "suo_fi_lj_diphone": "fi", "hy_fi_mv_diphone": "fi", "upc_ca_ona_hts": "ca",
    "msu_ru_nsh_clunits": "ru",
}  # fmt: skip
_FLITE = ("awb", "rms")
"""Voices of flite that are not the same people as those of festival."""
_ENCODINGS = {"it": "latin-1", "cs": "iso-8859-2", "fi": "latin-1", "ca": "latin-1"}
_PACKAGES = "festival flite festvox-kallpc16k festvox-kdlpc16k festvox-us-slt-hts and others"
_SECONDS = 60
_QUIET = 10 ** (-45 / 20)


@dataclass(frozen=True, slots=True)
class Utterance:
    """Speech of one voice without pauses around it, float32 [samples] at 16 kHz, and its words."""

    samples: Samples
    words: int


@dataclass(frozen=True, slots=True)
class Voice:
    """One voice of a synthesiser."""

    program: str
    name: str
    language: str

    def speak(self, text: str, file: Path) -> None:
        """Writes a WAV.

        Raises:
            OSError, subprocess.SubprocessError: the synthesiser fails.
        """
        if self.program == "flite":
            command = ["flite", "-voice", self.name, "-t", text, "-o", str(file)]
            given = b""
        else:
            command = ["text2wave", "-eval", f"(voice_{self.name})", "-o", str(file)]
            given = text.encode(_ENCODINGS.get(self.language, "utf-8"), "ignore")
        subprocess.run(command, input=given, capture_output=True, check=True, timeout=_SECONDS)  # noqa: S603


def installed_voices() -> list[Voice]:
    """Returns the voices of this machine.

    Raises:
        ConfigurationError: there are fewer than two.
    """
    voices = []
    if which("festival"):
        done = subprocess.run(
            ["festival", "-b", "(print (voice.list))"],  # noqa: S607
            capture_output=True, text=True, check=False, timeout=_SECONDS,
        )  # fmt: skip
        names = done.stdout.replace("(", " ").replace(")", " ").split()
        voices += [
            Voice("festival", name, language)
            for name, language in _LANGUAGES.items()
            if name in names
        ]
    if which("flite"):
        voices += [Voice("flite", name, "en") for name in _FLITE]
    if len(voices) < 2:  # noqa: PLR2004 - a conversation
        raise ConfigurationError(f"there are no voices; run: apt install {_PACKAGES}")
    return voices


def bank(voice: Voice, folder: Path, count: int) -> list[Utterance]:
    """Returns so many utterances of a voice, of 2 to 25 words; makes those that are not there."""
    draw = random.Random(voice.name)
    words = _WORDS[voice.language].split()
    found = []
    for index in range(count):
        length = min(max(2, round(draw.lognormvariate(2.1, 0.6))), 25)
        text = " ".join(draw.choice(words) for _ in range(length))
        file = folder / f"{voice.program}-{voice.name}-{index}.wav"
        if not file.exists():
            voice.speak(text, file)
        samples, rate = soundfile.read(file, dtype="float32")
        trimmed = _trimmed(soxr.resample(samples, rate, SAMPLE_RATE).astype(np.float32))
        if trimmed.size > SAMPLE_RATE // 4:
            found.append(Utterance(trimmed, length))
    return found


def usable(voices: Sequence[Voice], folder: Path, count: int) -> Iterator[list[Utterance]]:
    """Yields the banks of the voices that speak here."""
    folder.mkdir(parents=True, exist_ok=True)
    for voice in voices:
        try:
            made = bank(voice, folder, count)
        except (OSError, subprocess.SubprocessError, soundfile.SoundFileError):
            continue
        if len(made) > count // 2:
            yield made


def _trimmed(samples: Samples) -> Samples:
    """Returns speech at one level, without the silence before and after it."""
    peak = float(np.abs(samples).max(initial=0.0))
    loud = np.flatnonzero(np.abs(samples) > peak * _QUIET)
    if not peak or not loud.size:
        return samples[:0]
    speech = samples[loud[0] : loud[-1] + 1]
    return speech * np.float32(0.06 / max(float(np.sqrt(np.mean(speech**2))), 1e-6))
