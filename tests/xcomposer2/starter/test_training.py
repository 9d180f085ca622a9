"""The small model's training: nothing of the language changes, the quick way of the loss is the plain one, kills do no
harm, and something is learnt."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from composer.errors import SetupError
from composer.xcomposer2.checkpoint import look
from composer.xcomposer2.starter import align, folder, loop
from composer.xcomposer2.starter.answer import Asked, Model, chances, replies
from composer.xcomposer2.starter.batch import batch_of, loss_of, row_of
from composer.xcomposer2.starter.language import continued, perplexity
from composer.xcomposer2.starter.loop import train
from composer.xcomposer2.starter.recipe import words
from composer.xcomposer2.starter.tasks import Sample, asked, choice, question, step_samples
from composer.xcomposer2.tokens import FastTokens
from tests.xcomposer2.starter import kit

pytestmark = pytest.mark.usefixtures("base")
OPENINGS = ["the red house", "a boat"]


def quiet(line: str) -> None:
    """Says nothing."""


def samples(step: int = 0) -> list[Sample]:
    own = kit.pictures()
    return step_samples(kit.pool(), own.counted["train"], kit.small_recipe(), words(), step)


def test_a_fresh_model_is_the_language_model(tokens: FastTokens) -> None:
    made = kit.model()
    base: Any = folder.language_model("smollm2-135m")
    ids = torch.tensor([tokens.encode_plain(OPENINGS[0])])
    with torch.inference_mode():
        assert torch.equal(made(input_ids=ids).logits, base(input_ids=ids).logits)
        row = row_of(samples()[0], tokens, made.config.tokens_per_image)
        batch = batch_of([row], split=False)
        vision = made.config.vision_config
        features = kit.pictures().tokens([s.row for s in row.shown], [0] * len(row.shown), vision.joint, vision.cells)
        embeds = made.model.projector(features).flatten(0, 1)
        plain = base.get_input_embeddings()(batch.suffix.clamp(min=0))
        plain[batch.suffix < 0] = embeds
        hidden = made.model(batch.suffix, image_features=embeds).last_hidden_state
        assert torch.allclose(hidden, base.model(inputs_embeds=plain).last_hidden_state, atol=1e-5)


@pytest.mark.parametrize("step", [0, 1, 2, 3])
def test_reading_the_beginning_without_gradients_changes_neither_loss_nor_gradients(
    step: int, tokens: FastTokens
) -> None:
    made = kit.model()
    for parameter in made.model.language_model.parameters():
        parameter.requires_grad_(False)
    learnt = {n: p for n, p in made.named_parameters() if loop.part_of(n) in ("projector", "plora")}
    with torch.no_grad():
        for parameter in learnt.values():
            parameter.requires_grad_(True).normal_(0, 0.1)
    rows = [row_of(one, tokens, made.config.tokens_per_image) for one in samples(step)]
    vision = made.config.vision_config
    shown = [s for row in rows for s in row.shown]
    features = kit.pictures().tokens([s.row for s in shown], [s.variant for s in shown], vision.joint, vision.cells)
    results = []
    for split in (False, True):
        loss = loss_of(made, batch_of(rows, split=split), features)
        grads = torch.autograd.grad(loss, list(learnt.values()), allow_unused=True)
        results.append((loss.detach(), [g for g in grads if g is not None]))
    (plain, some), (quick, others) = results
    assert torch.allclose(plain, quick, atol=1e-5)
    for a, b in zip(some, others, strict=True):
        assert torch.allclose(a, b, atol=1e-5)


def test_training_leaves_the_language_as_it_was(tmp_path: Path, tokens: FastTokens) -> None:
    made = kit.model()
    train(made, kit.course(tokens, kit.small_recipe()), tmp_path, quiet)
    made.eval()
    learnt = [p for n, p in made.named_parameters() if ".plora_b." in n]
    assert any(bool(p.any()) for p in learnt)
    base = folder.language_model("smollm2-135m").bfloat16()
    assert continued(made.bfloat16(), tokens, OPENINGS) == continued(base, tokens, OPENINGS)
    ids = torch.tensor([tokens.encode_plain(OPENINGS[0])])
    with torch.inference_mode():
        assert torch.equal(made(input_ids=ids).logits, base(input_ids=ids).logits)
    assert perplexity(made, tokens, OPENINGS) == perplexity(base, tokens, OPENINGS) > 1


def test_a_killed_run_ends_as_it_would_have(
    tmp_path: Path, tokens: FastTokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = kit.model()
    train(whole, kit.course(tokens, kit.small_recipe(training__steps=4)), tmp_path, quiet)
    other = tmp_path / "other"
    other.mkdir()
    given = kit.small_recipe(training__steps=4, training__keep_every=-1)
    real, done = loop.learn, list[int]()

    def dies(*arguments: object) -> tuple[float, int]:
        done.append(1)
        if len(done) == 3:
            raise KeyboardInterrupt
        return real(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(loop, "learn", dies)
    with pytest.raises(KeyboardInterrupt):
        train(kit.model(), kit.course(tokens, given), other, quiet)
    monkeypatch.setattr(loop, "learn", real)
    again = kit.model()
    train(again, kit.course(tokens, given), other, quiet)
    for (name, a), b in zip(whole.named_parameters(), again.parameters(), strict=True):
        assert torch.equal(a, b), name


def test_a_checkpoint_of_another_recipe_is_refused(tmp_path: Path, tokens: FastTokens) -> None:
    train(kit.model(), kit.course(tokens, kit.small_recipe(training__steps=1)), tmp_path, quiet)
    with pytest.raises(SetupError, match="lr"):
        train(kit.model(), kit.course(tokens, kit.small_recipe(training__lr=0.5)), tmp_path, quiet)


def test_the_loss_of_one_step_that_is_learnt_again_and_again_falls(tokens: FastTokens) -> None:
    made = kit.model()
    course = kit.course(tokens, kit.small_recipe())
    groups = loop.prepare(made, {**course.recipe["training"], "lr": 0.01, "projector_lr": 0.01})
    optimizer = torch.optim.AdamW(groups, lr=0.01)
    losses = []
    for _ in range(12):
        losses.append(loop.learn(made, course, 1)[0])
        optimizer.step()
        optimizer.zero_grad()
    assert losses[-1] < losses[0]


def test_the_projector_is_drawn_to_the_words(tmp_path: Path, tokens: FastTokens) -> None:
    made, given = kit.model(), kit.small_recipe(align__lr=0.01, align__steps=120)
    known = align.Known(
        pictures=kit.pictures(), pool=kit.pool(), texts=[*kit.labels()[:40], *kit.SECOND[:7]], vectors=kit.vectors(),
        tokens=tokens, embeddings=made.get_input_embeddings().weight.detach(), shape=(kit.JOINT, kit.CELLS),
    )  # fmt: skip

    def nearness() -> float:
        rows = known.pool.rows[::5]
        vision = made.config.vision_config
        with torch.inference_mode():
            first = made.model.projector(known.pictures.tokens(rows, [0] * len(rows), vision.joint, vision.cells))[:, 0]
        goal = torch.stack([
            torch.nn.functional.normalize(known.embeddings[tokens.encode_plain(f" {known.pool.seen[r].label}")], dim=1).mean(0)
            for r in rows
        ])  # fmt: skip
        return float(torch.nn.functional.cosine_similarity(first, goal).mean())

    before = nearness()
    align.align(made.model.projector, known, given, tmp_path, quiet)
    assert nearness() > before + 0.1
    again = kit.model()
    align.align(again.model.projector, known, given, tmp_path, quiet)  # taken from the disk
    for a, b in zip(made.model.projector.parameters(), again.model.projector.parameters(), strict=True):
        assert torch.equal(a, b)


def test_chances_of_the_letters_are_the_whole_and_do_not_hang_on_the_batch(tokens: FastTokens) -> None:
    own, draws = kit.pictures(), np.random.default_rng(3)
    pool = kit.pool("test")
    made = [choice(pool, row, kit.how(), draws, template="{label}") for row in own.test[:5]]
    some = [Sample(exchanges=(asked(one, pool, words(), draws),)) for one in made]
    model = Model(model=kit.model(), tokens=tokens, pictures=own)
    together = chances(model, some)
    assert np.allclose(together.sum(1), 1, atol=1e-5)
    alone = np.concatenate([chances(model, [one]) for one in some])
    assert np.allclose(together, alone, atol=1e-5)


def test_replies_do_not_hang_on_the_batch(tokens: FastTokens) -> None:
    own, draws = kit.pictures(), np.random.default_rng(3)
    some = [Asked(question("caption", kit.pool("test"), row, kit.how(), draws)) for row in own.test[:4]]
    some.append(Asked(question("content", kit.pool("test"), own.test[0], kit.how(), draws)))
    model = Model(model=kit.model(), tokens=tokens, pictures=own)
    together = replies(model, some, most=4)
    assert together == [replies(model, [one], most=4)[0] for one in some]


def test_a_folder_without_the_language_model_comes_back_whole(tmp_path: Path, tokens: FastTokens) -> None:
    made = kit.model()
    with torch.no_grad():
        for name, parameter in made.named_parameters():
            if not folder.is_base(name):
                parameter.copy_(parameter.normal_(0, 0.1).half().float())
    folder.save(made, tmp_path)
    kept = load_file(tmp_path / "model.safetensors")
    assert not [n for n in kept if folder.is_base(n)]
    again = folder.load_on_base(look(tmp_path))
    for (name, a), b in zip(made.state_dict().items(), again.state_dict().values(), strict=True):
        assert torch.allclose(a.float(), b.float(), atol=1e-3), name
    save_file({n: v for n, v in kept.items() if "projector" not in n}, tmp_path / "model.safetensors")
    with pytest.raises(SetupError, match="projector"):
        folder.load_on_base(look(tmp_path))
