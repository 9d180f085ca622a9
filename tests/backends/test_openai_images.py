"""The client of image servers, against a stub that behaves as real ones do."""

import io
from collections.abc import Iterator
from dataclasses import replace

import pytest
from PIL import Image

from composer.backends.load import image_generator
from composer.backends.openai_images import OpenAIImages, kinds
from composer.backends.server import Server
from composer.drawing.request import Drawing, Drawn
from composer.errors import ReplyError, SetupError
from tests.backends.stub_images import ImageServer, running

FOX = Drawing(prompt="a fox", style="ink", negative="text", width=64, height=64, seed=7, steps=4, guidance=2.0)
RED = Image.new("RGB", (64, 64), "red")


@pytest.fixture
def server() -> Iterator[ImageServer]:
    with running() as stub:
        yield stub


def client(server: ImageServer, behaviour: str, kind: str = "vllm-omni", **more: float) -> OpenAIImages:
    patience = {"first_wait": 0.01, "timeout": 5.0, "connect_timeout": 2.0} | more
    where = Server(base_url=server.at(behaviour), **patience)  # type: ignore[arg-type]
    return OpenAIImages("m", where, kind=kind, together=2)


def drawn(generator: OpenAIImages, drawing: Drawing = FOX) -> Drawn:
    (answer,) = [a for a in generator.draw_all([drawing]) if isinstance(a, Drawn)]
    return answer


@pytest.mark.parametrize("behaviour", ["good", "by-path", "by-address", "as-data", "500", "503", "slow"])
def test_a_picture_comes_in_every_form_and_after_patience(server: ImageServer, behaviour: str) -> None:
    answer = drawn(client(server, behaviour))
    assert answer.image.size == (64, 64)
    assert answer.prompt == "a fox, ink"
    assert answer.warnings == ()


def test_each_kind_of_server_is_sent_what_it_takes_and_no_more(server: ImageServer) -> None:
    sent = {}
    for kind in kinds():
        drawn(client(server, "good", kind))
        sent[kind] = set(server.requests[-1][1]) - {"model", "prompt", "n", "size"}
    assert sent == {
        "vllm-omni": {"negative_prompt", "num_inference_steps", "guidance_scale", "seed", "response_format"},
        "sglang": {"negative_prompt", "num_inference_steps", "guidance_scale", "seed", "response_format"},
        "localai": {"negative_prompt", "step", "response_format"},
        "aquiles": {"response_format"},
        "openai": set(),
    }


@pytest.mark.parametrize(("owner", "fields"), [("vllm", True), ("sglang", True), ("somebody", False)])
def test_the_kind_of_server_is_found_out(server: ImageServer, owner: str, fields: bool) -> None:
    generator = client(server, owner, "auto")
    known = [generator.abilities.known]
    drawn(generator)
    assert [*known, generator.abilities.known] == [False, True]
    assert ("seed" in server.requests[-1][1]) is fields


def test_the_first_model_is_taken_by_default(server: ImageServer) -> None:
    generator = OpenAIImages("default", Server(base_url=server.at("good")))
    drawn(generator)
    assert server.requests[-1][1]["model"] == "first"


@pytest.mark.parametrize("behaviour", ["picky-400", "picky-422"])
def test_fields_that_are_refused_are_left_out_from_then_on(server: ImageServer, behaviour: str) -> None:
    generator = client(server, behaviour)
    answer = drawn(generator)
    assert answer.image.size == (64, 64)
    assert "cannot be drawn again" in answer.warnings[0]
    before = len(server.requests)
    drawn(generator)
    assert len(server.requests) == before + 1


@pytest.mark.parametrize(
    ("behaviour", "said"),
    [
        ("400", "breaks our rules"),
        ("422", "size must be"),
        ("truncated", "broke off"),
        ("no-picture", "no picture"),
        ("no-base64", "no picture"),
        ("empty", "no picture"),
        ("no-list", "no picture"),
        ("web-page", "no JSON"),
        ("elsewhere", "cannot be fetched"),
    ],
)
def test_what_cannot_be_shown_is_said(server: ImageServer, behaviour: str, said: str) -> None:
    with pytest.raises(ReplyError, match=said):
        drawn(client(server, behaviour))


def test_a_server_that_stays_busy_or_silent_is_given_up(server: ImageServer) -> None:
    server.failures = 99
    with pytest.raises(ReplyError, match="the model is loading"):
        drawn(client(server, "503", tries=2))
    with pytest.raises(ReplyError, match="INTERLEAVE_TIMEOUT"):
        drawn(client(server, "slow", timeout=0.1))
    with pytest.raises(SetupError, match="key"):
        drawn(client(server, "401"))


def test_a_server_that_is_not_there_is_said(server: ImageServer) -> None:
    with pytest.raises(SetupError, match="cannot be reached"):
        drawn(OpenAIImages("m", Server(base_url="http://127.0.0.1:9/v1", tries=1), kind="openai"))


def test_another_size_is_taken_and_said_where_its_form_differs(server: ImageServer) -> None:
    assert "90 x 30" in drawn(client(server, "wrong-size")).warnings[0]
    assert drawn(client(server, "larger")).warnings == ()


def test_pictures_go_along_in_a_form(server: ImageServer) -> None:
    mask = Image.new("L", RED.size, 0)
    mask.paste(255, (0, 0, 32, 64))
    answer = drawn(client(server, "good", "openai"), replace(FOX, start=RED, references=(RED,), mask=mask))
    path, fields = server.requests[-1]
    assert path == "/images/edits"
    assert [Image.open(io.BytesIO(f)).size for f in fields["image[]"]] == [(64, 64)] * 2
    hole = Image.open(io.BytesIO(fields["mask"][0])).getchannel("A")
    assert (hole.getpixel((1, 1)), hole.getpixel((60, 1))) == (0, 255)
    assert answer.began_from == "start"
    assert answer.shown
    assert answer.image.getpixel((60, 1)) == (255, 0, 0)


def test_a_server_without_edits_says_what_it_could_not_take(server: ImageServer) -> None:
    answer = drawn(client(server, "good"), replace(FOX, start=RED, references=(RED,)))
    assert server.requests[-1][0] == "/images/generations"
    assert len(answer.warnings) == 2


def test_what_a_server_was_not_sent_is_not_said_to_have_been_used(server: ImageServer) -> None:
    took, did_not = (drawn(client(server, "good", kind)) for kind in ("vllm-omni", "openai"))
    assert (took.steps, took.guidance, took.negative) == (4, 2.0, "text")
    assert (did_not.steps, did_not.guidance, did_not.negative) == (0, None, "")
    refused = drawn(client(server, "picky-422"))
    assert (refused.steps, refused.guidance, refused.negative) == (0, None, "")


def test_where_a_photograph_was_taken_is_not_told_to_the_server(server: ImageServer) -> None:
    exif = Image.Exif()
    exif[0x010F], exif.get_ifd(0x8825)[1] = "Maker of cameras", "N"
    buffer = io.BytesIO()
    RED.save(buffer, "JPEG", exif=exif, comment=b"at home")
    photo = Image.open(io.BytesIO(buffer.getvalue()))
    assert photo.getexif()
    drawn(client(server, "good", "openai"), replace(FOX, start=photo, references=(photo,)))
    for sent in server.requests[-1][1]["image[]"]:
        assert not Image.open(io.BytesIO(sent)).getexif()
        assert b"Maker" not in sent
        assert b"at home" not in sent


def test_the_settings_name_it() -> None:
    assert image_generator("openai-images:qwen-image") is not None
