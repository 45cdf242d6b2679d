"""The allow-list of containers: their demuxers, and the bytes that they begin with.

FFmpeg is always given the demuxer, so nothing outside of this list is ever opened: no playlist, no
network, no device, no sequence of images. `docs/http.md` shows the table of `table_rows`.
"""

import re
from dataclasses import dataclass
from enum import Enum


class Container(Enum):
    """An accepted container; the value is its display name."""

    WAV = "WAV"
    RF64 = "RF64"
    W64 = "Wave64"
    AIFF = "AIFF"
    AU = "AU"
    CAF = "CAF"
    NIST = "NIST SPHERE"
    FLAC = "FLAC"
    OGG = "Ogg"
    MP3 = "MP3"
    MP4 = "MP4 or M4A"
    MATROSKA = "WebM or Matroska"
    ADTS = "AAC"
    LOAS = "LATM"
    MPEG_TS = "MPEG transport stream"
    MPEG_PS = "MPEG program stream"
    AVI = "AVI"
    ASF = "WMA or ASF"
    AMR = "AMR"
    FLV = "FLV"
    AC3 = "AC-3"
    EAC3 = "E-AC-3"
    DTS = "DTS"
    DTS_HD = "DTS-HD"
    TRUEHD = "Dolby TrueHD"
    MLP = "MLP"
    TTA = "TTA"
    WAVPACK = "WavPack"
    APE = "Monkey's Audio"
    TAK = "TAK"
    SHORTEN = "Shorten"
    MUSEPACK_7 = "Musepack SV7"
    MUSEPACK_8 = "Musepack SV8"
    QOA = "QOA"
    DSF = "DSF"
    DSDIFF = "DSDIFF or 8SVX"
    VOC = "Creative Voice"
    IRCAM = "IRCAM"
    SOX = "SoX"
    PVF = "PVF"
    QCP = "QCP"
    ILBC = "iLBC"
    DSS = "DSS"
    ACT = "ACT"
    WVE = "Psion WVE"
    REALMEDIA = "RealMedia"
    MXF = "MXF"
    GXF = "GXF"
    DV = "DV"
    NUT = "NUT"
    WTV = "WTV"
    OMA = "Sony OpenMG"
    VQF = "TwinVQ"
    XWMA = "xWMA"
    MMF = "Yamaha SMAF"
    DHAV = "Dahua video"


@dataclass(frozen=True, slots=True)
class Format:
    """How one container is read.

    Attributes:
        demuxer: FFmpeg's name of its demuxer.
        extensions: usual file name extensions, for the documentation.
        codecs: usual codecs, for the documentation.
        by_libsndfile: read by libsndfile where it knows the codec, otherwise by FFmpeg.
        resyncs: a player can start anywhere in it, so it may be a piece of a broadcast that begins
            and ends within a frame, and damaged parts of it are skipped.
        starts_at_zero: its timestamps start with the recording at 0; in other containers they start
            anywhere, and the earliest track is the beginning.
        splices: its timestamps may jump where two recordings were joined.
        counts_samples: its header declares the number of samples, so that a shorter file is known
            to be cut short.
    """

    demuxer: str
    extensions: str
    codecs: str
    by_libsndfile: bool = False
    resyncs: bool = False
    starts_at_zero: bool = False
    splices: bool = False
    counts_samples: bool = False


_PCM = "PCM, A-law, µ-law"
FORMATS: dict[Container, Format] = {
    Container.WAV: Format("wav", "wav", f"{_PCM}, ADPCM, GSM, MP3", by_libsndfile=True),
    Container.RF64: Format("wav", "wav, rf64, bwf", "PCM", by_libsndfile=True),
    Container.W64: Format("w64", "w64", "PCM", by_libsndfile=True),
    Container.AIFF: Format("aiff", "aiff, aif, aifc", f"{_PCM}, IMA ADPCM", by_libsndfile=True),
    Container.AU: Format("au", "au, snd", f"{_PCM}, G.721, G.723", by_libsndfile=True),
    Container.CAF: Format("caf", "caf", "PCM, ALAC, AAC, Opus"),
    Container.NIST: Format("nistsphere", "sph, wav", f"{_PCM}, Shorten", by_libsndfile=True),
    Container.FLAC: Format("flac", "flac", "FLAC", by_libsndfile=True),
    Container.OGG: Format("ogg", "ogg, oga, opus, spx", "Opus, Vorbis, Speex, FLAC"),
    Container.MP3: Format("mp3", "mp3, mp2, mp1", "MPEG audio, layers I to III", resyncs=True),
    Container.MP4: Format(
        "mov", "mp4, m4a, m4b, mov, 3gp", "AAC, ALAC, Opus, AC-3, AMR, PCM", starts_at_zero=True
    ),
    Container.MATROSKA: Format(
        "matroska", "webm, mkv, mka", "Opus, Vorbis, AAC, FLAC, AC-3, DTS", starts_at_zero=True
    ),
    Container.ADTS: Format("aac", "aac", "AAC in ADTS", resyncs=True),
    Container.LOAS: Format("loas", "latm, loas", "AAC in LATM", resyncs=True),
    Container.MPEG_TS: Format(
        "mpegts", "ts, m2ts, mts", "MPEG audio, AAC, LATM, AC-3, DTS", resyncs=True, splices=True
    ),
    Container.MPEG_PS: Format(
        "mpeg", "mpg, vob", "MPEG audio, AC-3, DTS, PCM", resyncs=True, splices=True
    ),
    Container.AVI: Format("avi", "avi", "MP3, AC-3, PCM, ADPCM", starts_at_zero=True),
    Container.ASF: Format("asf", "wma, asf, wmv", "WMA, WMA Pro, WMA Voice", starts_at_zero=True),
    Container.AMR: Format("amr", "amr, awb", "AMR-NB, AMR-WB"),
    Container.FLV: Format("flv", "flv", "AAC, MP3, Speex, Nellymoser", starts_at_zero=True),
    Container.AC3: Format("ac3", "ac3", "AC-3", resyncs=True),
    Container.EAC3: Format("eac3", "eac3, ec3", "E-AC-3", resyncs=True),
    Container.DTS: Format("dts", "dts", "DTS", resyncs=True),
    Container.DTS_HD: Format("dtshd", "dtshd", "DTS-HD"),
    Container.TRUEHD: Format("truehd", "thd", "TrueHD", resyncs=True),
    Container.MLP: Format("mlp", "mlp", "MLP", resyncs=True),
    Container.TTA: Format("tta", "tta", "True Audio", counts_samples=True),
    Container.WAVPACK: Format("wv", "wv", "WavPack", counts_samples=True),
    Container.APE: Format("ape", "ape", "Monkey's Audio", counts_samples=True),
    Container.TAK: Format("tak", "tak", "TAK", counts_samples=True),
    Container.SHORTEN: Format("shn", "shn", "Shorten"),
    Container.MUSEPACK_7: Format("mpc", "mpc", "Musepack", counts_samples=True),
    Container.MUSEPACK_8: Format("mpc8", "mpc", "Musepack", counts_samples=True),
    Container.QOA: Format("qoa", "qoa", "QOA", counts_samples=True),
    Container.DSF: Format("dsf", "dsf", "DSD", counts_samples=True),
    Container.DSDIFF: Format("iff", "dff, iff", "DSD, 8-bit PCM"),
    Container.VOC: Format("voc", "voc", f"{_PCM}, ADPCM"),
    Container.IRCAM: Format("ircam", "sf, ircam", _PCM),
    Container.SOX: Format("sox", "sox", "PCM"),
    Container.PVF: Format("pvf", "pvf", "PCM"),
    Container.QCP: Format("qcp", "qcp", "QCELP, EVRC"),
    Container.ILBC: Format("ilbc", "lbc", "iLBC"),
    Container.DSS: Format("dss", "dss", "DSS SP, G.723.1: dictation machines"),
    Container.ACT: Format("act", "act", "G.729: voice recorders"),
    Container.WVE: Format("wve", "wve", "A-law: Psion"),
    Container.REALMEDIA: Format(
        "rm", "rm, ra, rmvb", "Cook, AAC, ATRAC 3, Sipro, RealAudio", starts_at_zero=True
    ),
    Container.MXF: Format("mxf", "mxf", "PCM: broadcast", starts_at_zero=True),
    Container.GXF: Format("gxf", "gxf", "PCM, AC-3: broadcast"),
    Container.DV: Format("dv", "dv, dif", "PCM: camcorders"),
    Container.NUT: Format("nut", "nut", "any", starts_at_zero=True),
    Container.WTV: Format("wtv", "wtv", "MPEG audio, AC-3: Windows Media Center"),
    Container.OMA: Format("oma", "oma, aa3", "ATRAC 3, MP3"),
    Container.VQF: Format("vqf", "vqf", "TwinVQ"),
    Container.XWMA: Format("xwma", "xwma", "WMA"),
    Container.MMF: Format("mmf", "mmf", "Yamaha ADPCM"),
    Container.DHAV: Format("dhav", "dav", "G.711, AAC, ADPCM: surveillance cameras"),
}
ACCEPTED = ", ".join(container.value for container in Container)

_MAGIC = (
    (0, b"fLaC", Container.FLAC),
    (0, b"OggS", Container.OGG),
    (0, b"RF64", Container.RF64),
    (0, b"BW64", Container.RF64),
    (0, b"riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\x00\x00", Container.W64),
    (0, b".snd", Container.AU),
    (0, b"caff\x00", Container.CAF),
    (0, b"NIST_1A\n", Container.NIST),
    (0, b"\x1a\x45\xdf\xa3", Container.MATROSKA),
    (0, b"\x00\x00\x01\xba", Container.MPEG_PS),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", Container.ASF),
    (0, b"#!AMR\n", Container.AMR),
    (0, b"#!AMR-WB\n", Container.AMR),
    (0, b"#!iLBC20\n", Container.ILBC),
    (0, b"#!iLBC30\n", Container.ILBC),
    (0, b"FLV\x01", Container.FLV),
    (0, b"\x7f\xfe\x80\x01", Container.DTS),
    (0, b"\xfe\x7f\x01\x80", Container.DTS),
    (0, b"\x1f\xff\xe8\x00\x07", Container.DTS),
    (0, b"\xff\x1f\x00\xe8", Container.DTS),
    (0, b"DTSHDHDR", Container.DTS_HD),
    (4, b"\xf8\x72\x6f\xba", Container.TRUEHD),
    (4, b"\xf8\x72\x6f\xbb", Container.MLP),
    (0, b"TTA1", Container.TTA),
    (0, b"wvpk", Container.WAVPACK),
    (0, b"MAC ", Container.APE),
    (0, b"tBaK", Container.TAK),
    (0, b"ajkg", Container.SHORTEN),
    (0, b"MP+", Container.MUSEPACK_7),
    (0, b"MPCK", Container.MUSEPACK_8),
    (0, b"qoaf", Container.QOA),
    (0, b"DSD \x1c\x00\x00\x00", Container.DSF),
    (0, b"FRM8", Container.DSDIFF),
    (0, b"Creative Voice File\x1a", Container.VOC),
    (0, b".SoX", Container.SOX),
    (0, b"XoS.", Container.SOX),
    (0, b"PVF1\n", Container.PVF),
    (0, b"\x02dss", Container.DSS),
    (0, b"\x03dss", Container.DSS),
    (0, b"ALawSoundFile**\x00", Container.WVE),
    (0, b".RMF", Container.REALMEDIA),
    (0, b".ra\xfd", Container.REALMEDIA),
    (0, b"\x06\x0e\x2b\x34\x02\x05\x01\x01\x0d\x01\x02\x01\x01", Container.MXF),
    (0, b"\x00\x00\x00\x00\x01\xbc", Container.GXF),
    (0, b"\x1f\x07\x00", Container.DV),
    (0, b"nut/multimedia container\x00", Container.NUT),
    (0, b"\xb7\xd8\x00\x20\x37\x49\xda\x11\xa6\x4e\x00\x07\xe9\x5e\xad\x8d", Container.WTV),
    (0, b"EA3", Container.OMA),
    (0, b"ea3\x03", Container.OMA),
    (0, b"TWIN97012000", Container.VQF),
    (0, b"TWIN00052200", Container.VQF),
    (0, b"MMMD", Container.MMF),
    (0, b"DAHUA", Container.DHAV),
    (0, b"DHAV", Container.DHAV),
    (4, b"ftyp", Container.MP4),
    (4, b"moov", Container.MP4),
    (4, b"mdat", Container.MP4),
    (4, b"wide", Container.MP4),
    (4, b"free", Container.MP4),
)
# RIFF and IFF files name their form at offset 8.
_FORMS = {
    (b"RIFF", b"WAVE"): Container.WAV,
    (b"RIFF", b"AVI "): Container.AVI,
    (b"RIFF", b"QLCM"): Container.QCP,
    (b"RIFF", b"XWMA"): Container.XWMA,
    (b"FORM", b"AIFF"): Container.AIFF,
    (b"FORM", b"AIFC"): Container.AIFF,
    (b"FORM", b"8SVX"): Container.DSDIFF,
    (b"FORM", b"16SV"): Container.DSDIFF,
}
_STILL_IMAGES = {b"heic", b"heix", b"heim", b"heis", b"mif1", b"msf1", b"avif", b"avis", b"crx "}
# Audible's books are encrypted MP4.
_ENCRYPTED = {b"aax ", b"aaxc"}
# Big- and little-endian: 64 A3, the machine's number, and zero.
_IRCAM = re.compile(rb"\x64\xa3[\x01-\x04\x00]\x00|\x00[\x01-\x04\x00]\xa3\x64")
# Plain transport stream packets, and those of Blu-ray with four bytes of time code before each.
_TS_LAYOUTS = ((0, 188), (4, 192))
# Recorders that write ACT leave a WAV header, zeros, and this byte at offset 256.
_ACT_AT, _ACT_BYTE, _ACT_ZEROS = 256, 0x84, 44


def by_magic(head: bytes) -> Container | None:
    """Returns the container that begins with `head`, the first bytes of a stream; or None."""
    if head[4:8] == b"ftyp" and head[8:12] in _STILL_IMAGES | _ENCRYPTED:
        return None
    for offset, magic, container in _MAGIC:
        if head.startswith(magic, offset):
            return container
    form = _FORMS.get((head[:4], head[8:12]))
    if form is not None:
        return Container.ACT if form is Container.WAV and _is_act(head) else form
    if _IRCAM.match(head):
        return Container.IRCAM
    return Container.MPEG_TS if _is_transport_stream(head) else None


def table_rows() -> list[str]:
    """Returns the allow-list as rows of a Markdown table, in the order of `Container`."""
    rows = ["| container | usual endings | usually holds |", "| --- | --- | --- |"]
    for container in Container:
        form = FORMATS[container]
        rows.append(f"| {container.value} | {form.extensions} | {form.codecs} |")
    return rows


def _is_transport_stream(head: bytes) -> bool:
    return any(
        head[offset : offset + 2 * packet + 1 : packet] == b"GGG" for offset, packet in _TS_LAYOUTS
    )


def _is_act(head: bytes) -> bool:
    return head[_ACT_AT : _ACT_AT + 1] == bytes([_ACT_BYTE]) and not any(head[_ACT_ZEROS:_ACT_AT])
