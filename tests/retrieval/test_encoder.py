"""One contract for every encoder, on models of the real classes with random weights."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from retrieval.encoder import Encoder, OpenClipEncoder, SentenceEncoder, unit_rows
from retrieval.errors import SetupError, UsageError
from retrieval.home import home
from retrieval.torchvision_fix import allow_cpu_torchvision
from tests.retrieval.fakes import WordEncoder, drawing

VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", "red", "fox", "wolf", "snow", "in", "the"]


def tiny_bert(folder: Path) -> Path:
    """A BERT of two layers in the form of all-MiniLM-L6-v2's folder."""
    allow_cpu_torchvision()
    import torch
    from transformers import BertConfig, BertModel, BertTokenizerFast

    torch.manual_seed(1)
    folder.mkdir()
    (folder / "vocab.txt").write_text("\n".join(VOCABULARY))
    config = BertConfig(
        vocab_size=len(VOCABULARY), hidden_size=384, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64
    )
    BertModel(config).save_pretrained(folder)
    BertTokenizerFast(vocab={word: n for n, word in enumerate(VOCABULARY)}).save_pretrained(folder)
    return folder


def tiny_clip(folder: Path) -> Path:
    """An open_clip model with random weights as a folder in open_clip's own form."""
    allow_cpu_torchvision()
    import open_clip
    import torch
    from open_clip.model import CLIP
    from safetensors.torch import save_file

    torch.manual_seed(1)
    shape = {
        "embed_dim": 16,
        "vision_cfg": {"image_size": 32, "layers": 1, "width": 32, "head_width": 16, "patch_size": 16},
        "text_cfg": {"context_length": 16, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 1},
    }
    folder.mkdir()
    save_file(CLIP(**shape).state_dict(), folder / "open_clip_model.safetensors")
    means = {"mean": open_clip.OPENAI_DATASET_MEAN, "std": open_clip.OPENAI_DATASET_STD}
    (folder / "open_clip_config.json").write_text(json.dumps({"model_cfg": shape, "preprocess_cfg": means}))
    return folder


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    base = tmp_path_factory.mktemp("models")
    return {"bert": tiny_bert(base / "bert"), "clip": tiny_clip(base / "clip")}


@pytest.fixture(
    params=["words", "bert", "clip", pytest.param("minilm", marks=pytest.mark.starter)],
)
def encoder(request: pytest.FixtureRequest, folders: dict[str, Path]) -> Iterator[Encoder]:
    match request.param:
        case "words":
            yield WordEncoder()
        case "bert":
            yield SentenceEncoder(folders["bert"])
        case "clip":
            yield OpenClipEncoder(str(folders["clip"]))
        case _:
            folder = home() / "models" / "minilm"
            if not folder.is_dir():
                pytest.skip("MiniLM is not installed: python -m composer models pull minilm")
            yield SentenceEncoder(folder)


def reads_pictures(encoder: Encoder) -> bool:
    return not isinstance(encoder, SentenceEncoder)


def test_it_is_an_encoder(encoder: Encoder) -> None:
    assert isinstance(encoder, Encoder)
    assert encoder.name
    assert encoder.dim > 0


def test_rows_have_unit_length_and_the_promised_shape(encoder: Encoder) -> None:
    rows = encoder.encode_texts(["a red fox", "", "the snow", "a red fox in the snow " * 60])
    assert rows.shape == (4, encoder.dim)
    assert rows.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-3)
    if reads_pictures(encoder):
        images = encoder.encode_images([drawing(1), drawing(2, size=(20, 90)), drawing(3)])
        assert images.shape == (3, encoder.dim)
        assert images.dtype == np.float32
        np.testing.assert_allclose(np.linalg.norm(images, axis=1), 1, atol=1e-3)


def test_nothing_in_nothing_out(encoder: Encoder) -> None:
    assert encoder.encode_texts([]).shape == (0, encoder.dim)
    if reads_pictures(encoder):
        assert encoder.encode_images([]).shape == (0, encoder.dim)


def test_a_row_depends_on_its_own_text_alone(encoder: Encoder) -> None:
    texts = ["a red fox", "the wolf in the snow", "snow"]
    together = encoder.encode_texts(texts)
    alone = np.concatenate([encoder.encode_texts([t]) for t in texts])
    np.testing.assert_allclose(np.sum(together * alone, axis=1), 1, atol=0.01)  # bfloat16 has 8 bits
    np.testing.assert_allclose(encoder.encode_texts(texts[::-1])[::-1], together, atol=0.02)


def test_the_same_gives_the_same(encoder: Encoder) -> None:
    np.testing.assert_array_equal(encoder.encode_texts(["a red fox"]), encoder.encode_texts(["a red fox"]))
    if reads_pictures(encoder):
        np.testing.assert_array_equal(encoder.encode_images([drawing(1)]), encoder.encode_images([drawing(1)]))


def test_an_encoder_of_texts_refuses_pictures(encoder: Encoder) -> None:
    if not reads_pictures(encoder):
        with pytest.raises(UsageError, match="no pictures"):
            encoder.encode_images([Image.new("RGB", (4, 4))])


def test_what_is_not_there_says_how_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="models pull minilm"):
        SentenceEncoder(tmp_path / "minilm").encode_texts(["a"])
    with pytest.raises(SetupError, match="cannot be loaded"):
        OpenClipEncoder("ViT-Nothing-0/none").encode_texts(["a"])


def test_a_damaged_folder_is_a_setup_error(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"nothing")
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(SetupError, match="cannot be loaded"):
        SentenceEncoder(tmp_path).encode_texts(["a"])


def test_the_name_changes_with_the_weights_and_not_with_the_place(folders: dict[str, Path], tmp_path: Path) -> None:
    for kind, make in (("bert", SentenceEncoder), ("clip", lambda folder: OpenClipEncoder(str(folder)))):
        copy, other = (tmp_path / where / kind for where in ("copy", "other"))
        shutil.copytree(folders[kind], copy)
        shutil.copytree(folders[kind], other)
        weights = next(other.glob("*.safetensors"))
        weights.write_bytes(weights.read_bytes()[:-1] + b"\x07")
        assert make(copy).name == make(folders[kind]).name
        assert make(other).name != make(folders[kind]).name


@pytest.mark.starter
def test_minilm_knows_meanings() -> None:
    folder = home() / "models" / "minilm"
    if not folder.is_dir():
        pytest.skip("MiniLM is not installed: python -m composer models pull minilm")
    rows = SentenceEncoder(folder).encode_texts(["a lighthouse at night", "beacon on the coast", "apple pie"])
    assert rows[0] @ rows[1] > rows[0] @ rows[2] + 0.2


def test_a_row_of_zeros_stays() -> None:
    np.testing.assert_array_equal(unit_rows(np.zeros((1, 3))), np.zeros((1, 3), np.float32))
