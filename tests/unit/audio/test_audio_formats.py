"""Formats on the allow-list are decoded, other known formats are named; the docs agree."""

import io
from fractions import Fraction
from pathlib import Path

import av
import pytest
import soundfile
from audio_samples import FORMATS as SAMPLES
from audio_samples import Format, chirp, encode_pyav, likeness, make, spread
from audio_timelines import Layout, mux

from app.audio import AudioLimits, Recording, decode_audio
from app.audio.containers.formats import FORMATS, Container, table_rows
from app.audio.containers.sniff import sniff
from app.errors import UnsupportedAudioError

LIMITS = AudioLimits(max_seconds=600)
DOCS = Path(__file__).parents[3] / "docs" / "http.md"

# What FFmpeg can write, beside the formats of `audio_samples`.
WRITTEN = {
    Container.AC3: Format("", "", "", "ac3", "ac3", rate=48_000, fidelity=0.99),
    Container.EAC3: Format("", "", "", "eac3", "eac3", rate=48_000, fidelity=0.99),
    Container.LOAS: Format("", "", "", "latm", "aac", rate=32_000, fidelity=0.99),
    Container.TTA: Format("", "", "", "tta", "tta"),
    Container.WAVPACK: Format("", "", "", "wv", "wavpack"),
    Container.VOC: Format("", "", "", "voc", "pcm_s16le"),
    Container.IRCAM: Format("", "", "", "ircam", "pcm_s16le"),
    Container.SOX: Format("", "", "", "sox", "pcm_s32le"),
    Container.NUT: Format("", "", "", "nut", "pcm_s16le"),
    Container.WTV: Format("", "", "", "wtv", "ac3", rate=48_000, fidelity=0.99),
    Container.REALMEDIA: Format("", "", "", "rm", "ac3", rate=48_000, fidelity=0.99),
}


def decoded(data: bytes) -> Recording:
    return decode_audio(io.BytesIO(data), limits=LIMITS)


def test_documented_table_matches_the_allow_list() -> None:
    assert "\n".join(["", *table_rows(), ""]) in DOCS.read_text()


@pytest.mark.parametrize("container", FORMATS, ids=lambda container: container.name)
def test_each_demuxer_exists_and_opens_no_other_file(container: Container) -> None:
    demuxer = av.format.ContainerFormat(FORMATS[container].demuxer, "r")
    # Devices, playlists and sequences of images open what a file names.
    assert not demuxer.no_file
    assert demuxer.name not in {"concat", "hls", "dash", "image2", "imf", "sdp", "rtsp", "lavfi"}


@pytest.mark.parametrize("container", WRITTEN, ids=lambda container: container.name)
def test_further_formats_decode_to_the_encoded_sound(container: Container) -> None:
    form = WRITTEN[container]
    data = encode_pyav(form, spread(chirp(1.0, form.rate), form.channels))
    assert sniff(io.BytesIO(data)).container is container
    recording = decoded(data)
    assert recording.duration == pytest.approx(1.0, abs=0.07)
    assert likeness(recording, 1.0) >= form.fidelity
    assert recording.notices == ()


@pytest.mark.parametrize(
    ("container", "name", "subtype"),
    [
        (Container.PVF, "PVF", "PCM_16"),
        (Container.WVE, "WVE", "ALAW"),
        (Container.DSDIFF, "SVX", "PCM_S8"),
        (Container.IRCAM, "IRCAM", "PCM_16"),
        (Container.VOC, "VOC", "PCM_16"),
    ],
)
def test_rare_formats_decode_to_the_encoded_sound(
    container: Container, name: str, subtype: str
) -> None:
    buffer = io.BytesIO()
    soundfile.write(buffer, chirp(1.0, 8_000), 8_000, format=name, subtype=subtype)
    assert sniff(io.BytesIO(buffer.getvalue())).container is container
    recording = decoded(buffer.getvalue())
    assert recording.duration == pytest.approx(1.0, abs=0.01)
    assert likeness(recording, 1.0) > 0.99


def test_sound_of_broadcast_video_is_decoded() -> None:
    layout = Layout("mxf", "pcm_s16le", video="mpeg2video")
    recording = decoded(mux(layout, chirp(1.0, layout.rate)))
    assert recording.duration == pytest.approx(1.0, abs=0.07)
    assert likeness(recording, 1.0) > 0.99


@pytest.mark.parametrize(
    ("head", "looks_like"),
    [
        (b"\x03ds2\x00\x01\x02" + bytes(600), "a DS2 dictation"),
        (b"\x01ds2" + bytes(600), "a DS2 dictation"),
        (b"\x03enc" + bytes(600), "an encrypted dictation"),
        (b"MThd\x00\x00\x00\x06" + bytes(20), "a MIDI score"),
        (b"OFR \x0f\x00\x00\x00" + bytes(90), "OptimFROG"),
        (b"LA04" + bytes(90), "Lossless Audio"),
        (b"MS_VOICE" + bytes(90), "a Sony voice file"),
        (b"\xc0\xde\xc2\x00\x01" + bytes(90), "Codec 2"),
        (b"\x1c\xcc\x12\x00" + bytes(90), "LC3"),
        (b"#!SILK_V3" + bytes(90), "SILK"),
        (b"\x02#!SILK_V3" + bytes(90), "SILK"),
        (b"\x00\x00\x00\x20ftypaax \x00" + bytes(60), "an Audible book"),
        (b"\x00\x01\x02\x03\x57\x90\x75\x36" + bytes(60), "an Audible book"),
        (b"Extended Module: song" + bytes(90), "a tracker module"),
        (b"IMPM" + bytes(90), "a tracker module"),
        (b"NSVf" + bytes(90), "an NSV video"),
        (b"\xac\x40\xff\xff" + bytes(90), "AC-4"),
    ],
)
def test_known_but_unsupported_formats_are_named_in_the_error(head: bytes, looks_like: str) -> None:
    with pytest.raises(UnsupportedAudioError) as caught:
        sniff(io.BytesIO(head))
    assert looks_like in caught.value.message
    assert "Accepted are WAV" in caught.value.message


@pytest.mark.parametrize(
    ("head", "container"),
    [
        (b"\x03dss", Container.DSS),
        (b"#!AMR-WB\n", Container.AMR),
        (b"MAC \x96\x0f", Container.APE),
        (b"MP+\x17", Container.MUSEPACK_7),
        (b"MPCKSH", Container.MUSEPACK_8),
        (b"tBaK", Container.TAK),
        (b"ajkg\x02", Container.SHORTEN),
        (b"RIFF\x00\x00\x00\x00QLCMfmt ", Container.QCP),
        (b"#!iLBC30\n", Container.ILBC),
        (b"\x1f\x07\x00\xbf", Container.DV),
        (b"\x7f\xfe\x80\x01\xfc\x3c", Container.DTS),
        (b"\x06\x0e\x2b\x34\x02\x05\x01\x01\x0d\x01\x02\x01\x01\x02\x04\x00", Container.MXF),
        (b".ra\xfd\x00\x04", Container.REALMEDIA),
        (b"RIFF\x10\x00\x00\x00WAVEfmt ".ljust(256, b"\0") + b"\x84", Container.WAV),
        (
            (b"RIFF\x10\x00\x00\x00WAVEfmt \x10\x00\x00\x00" + bytes(24)).ljust(256, b"\0")
            + b"\x84",
            Container.ACT,
        ),
    ],
)
def test_formats_without_an_encoder_are_recognised_by_their_first_bytes(
    head: bytes, container: Container
) -> None:
    assert sniff(io.BytesIO(head.ljust(4_096, b"\x01"))).container in {container, Container.ACT}


def test_playlist_or_reference_file_opens_no_other_file(tmp_path: Path) -> None:
    """A QuickTime reference movie: its sound is in a file beside it, by an absolute path."""
    secret = tmp_path / "secret.wav"
    soundfile.write(secret, chirp(1.0, 48_000), 48_000)
    data = bytearray(make("mov-pcm"))
    at = data.index(b"dref")
    # The last entry is the sound's: not in this file, but at an address.
    entry = data.index(b"url ", data.index(b"dref", data.index(b"smhd")))
    data[entry + 4 : entry + 8] = bytes(4)
    assert at < entry
    recording = decoded(bytes(data))
    assert recording.duration <= 1.1


@pytest.mark.parametrize(
    ("name", "codec", "rate"),
    [
        ("wav-s16", "pcm_s16le", 44_100),
        ("wav-u8", "pcm_u8", 44_100),
        ("wav-f32", "pcm_f32le", 44_100),
        ("wav-mulaw", "pcm_mulaw", 8_000),
        ("wav-gsm", "gsm_ms", 8_000),
        ("wav-ms-adpcm", "adpcm_ms", 44_100),
        ("aiff", "pcm_s16be", 44_100),
        ("au", "pcm_s16be", 44_100),
        ("flac", "flac", 44_100),
        ("mp3", "mp3", 44_100),
        ("m4a-aac", "aac", 44_100),
        ("ogg-opus", "opus", 48_000),
        ("amr", "amr_nb", 8_000),
        ("caf-alac", "alac", 44_100),
    ],
)
def test_recording_reports_container_codec_and_rate(name: str, codec: str, rate: int) -> None:
    info = decoded(make(name)).info
    assert info is not None
    (track,) = info.tracks
    assert (track.codec, track.rate, track.channels) == (codec, rate, SAMPLES[name].channels)
    assert track.language is None
    assert info.container in {container.value for container in Container}


def test_codec_names_are_the_same_for_both_libraries() -> None:
    """The same file by both readers: behind an ID3 tag or not, an answer names one codec."""
    for name in ("wav-s16", "wav-s24", "wav-f64", "wav-alaw", "aiff", "au", "flac"):
        with av.open(io.BytesIO(make(name))) as container:
            ffmpeg = container.streams.audio[0].codec_context.codec.canonical_name
        info = decoded(make(name)).info
        assert info is not None
        assert info.tracks[0].codec == ffmpeg
        assert Fraction(info.tracks[0].rate) == SAMPLES[name].rate
