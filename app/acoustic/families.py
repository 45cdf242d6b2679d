"""Which model types of transformers are this network, and how they differ from wav2vec2.

HuBERT (Hsu et al. 2021, arXiv:2106.07447), UniSpeech (Wang et al. 2021, arXiv:2101.07597),
UniSpeech-SAT (Chen et al. 2021, arXiv:2110.05752) and data2vec (Baevski et al. 2022,
arXiv:2202.03555) were trained by other objectives; what is left of them beneath a CTC head is
the encoder of wav2vec2, but for the details that `Family` names.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Family:
    """One model type.

    Attributes:
        architecture: the class with a CTC head, as `config.json` names it.
        prefix: what the names of the base model's weights begin with.
        fixed: values that its `config.json` does not have, since it allows no others.
    """

    architecture: str
    prefix: str
    fixed: Mapping[str, object] = field(default_factory=dict)


FAMILIES = {
    "wav2vec2": Family("Wav2Vec2ForCTC", "wav2vec2"),
    "hubert": Family("HubertForCTC", "hubert"),
    "unispeech": Family("UniSpeechForCTC", "unispeech"),
    "unispeech-sat": Family("UniSpeechSatForCTC", "unispeech_sat"),
    "data2vec-audio": Family(
        "Data2VecAudioForCTC",
        "data2vec_audio",
        {"feat_extract_norm": "layer", "do_stable_layer_norm": False, "adapter_attn_dim": None},
    ),
}
"""By `model_type`; names of weights and values are those of transformers."""

OTHER_NETWORKS = {
    "wavlm": "its attention adds a gated relative position bias",
    "wav2vec2-conformer": "it has Conformer layers",
    "wav2vec2-bert": "it has Conformer layers over filter banks",
    "sew": "it squeezes the frames before the encoder",
    "sew-d": "its attention is disentangled",
    "mctct": "it works on filter banks",
    "parakeet_ctc": "it has FastConformer layers over filter banks",
}
"""CTC models that people may try, and what makes them another network."""
