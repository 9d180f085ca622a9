"""Whether composing makes a model's text worse than the model alone: our pipeline against one prompt to the same model.

    python -m benchmarks.text_quality [--preset starter] [--only PATTERN] [--out DIR] [--judge openai:MODEL]

Texts are kept in DIR and not written twice. The briefs are in benchmarks/briefs/; a reference text for a brief is
DIR/references/NAME.md. Without `--judge` only what needs no judge is measured.
"""

import argparse
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks import text_judge, text_measures
from composer.article import Article, Brief
from composer.backends.load import Options, text_model
from composer.brief import Wishes, make_brief, read_text
from composer.compose import Driver, compose
from composer.edits import SetBrief
from composer.engines import Engines
from composer.events import Stage
from composer.models import TextModel
from composer.prompts import user
from composer.settings import load_settings
from composer.store import create
from composer.toolkit import Toolkit

BRIEFS = Path(__file__).resolve().parent / "briefs"
WAYS = ("one prompt", "pipeline")
TOKENS_A_WORD = 2.5  # room for a one-prompt text
ONE_PROMPT = {"en": "{task}\n\nWrite the whole text in Markdown.", "zh": "{task}\n\n请用 Markdown 写出全文。"}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--preset", default="", metavar="NAME", help="engines (default as everywhere)")
    parser.add_argument("--only", nargs="+", default=["*"], metavar="PATTERN", help="which briefs, such as en-*")
    parser.add_argument(
        "--out", type=Path, default=Path("data/text-quality"), metavar="DIR", help="where texts are kept"
    )
    parser.add_argument("--judge", default="", metavar="ENGINE", help="a text model that judges, such as openai:MODEL")
    options = parser.parse_args(arguments)
    settings = load_settings(options.preset)
    engines = Engines(settings)
    briefs = briefs_like(options.only)
    texts = {name: written(engines, name, brief, options.out) for name, brief in briefs.items()}
    print(measures_table(briefs, texts))
    if options.judge:
        judge = text_model(options.judge, Options(base_url=settings.base_url, api_key_env=settings.api_key_env))
        print(judge_table(judge, briefs, texts, options.out / "references"))


def briefs_like(patterns: Sequence[str]) -> dict[str, Brief]:
    """The briefs whose names match, by name."""
    return {p.stem: brief_of(p) for pattern in patterns for p in sorted(BRIEFS.glob(f"{pattern}.md"))}


def brief_of(path: Path) -> Brief:
    """The brief of a file; its name has the language and the kind of article: en-howto-compost."""
    return make_brief(read_text(path), Wishes(kind=path.stem.split("-")[1]))


def written(engines: Engines, name: str, brief: Brief, folder: Path) -> dict[str, str]:
    """The text of each way, written now or before."""
    folder.mkdir(parents=True, exist_ok=True)
    makers = {"one prompt": one_prompt, "pipeline": pipeline}
    found = {}
    for way in WAYS:
        path = folder / f"{name}.{way.replace(' ', '-')}.md"
        if not path.exists():
            sys.stderr.write(f"{path.name}\n")
            path.write_text(makers[way](engines, brief), encoding="utf-8")
        found[way] = path.read_text(encoding="utf-8")
    return found


def one_prompt(engines: Engines, brief: Brief) -> str:
    """What the model writes when it is simply asked."""
    request = ONE_PROMPT["zh" if brief.language.startswith("zh") else "en"].format(task=task_of(brief))
    return "".join(
        engines.text.stream((user(request),), max_tokens=round(brief.words * TOKENS_A_WORD), seed=brief.seed)
    )


def pipeline(engines: Engines, brief: Brief) -> str:
    """What composing writes, without pictures."""
    article = made(engines, replace(brief, images=0), compose)
    parts = [f"# {article.title}", *(b.markdown for b in article.blocks if b.kind == "text")]
    return "\n\n".join(parts) + "\n"


def made(engines: Engines, brief: Brief, stage: Callable[[Toolkit, Article], Stage]) -> Article:
    """What a stage makes of a brief; nothing is searched for pictures."""
    with tempfile.TemporaryDirectory() as folder:
        log = create(Path(folder) / "article", "benchmark")
        log.commit(SetBrief(brief=brief), by="person")
        Driver(log).run(stage(replace(engines.toolkit(log), sources=()), log.article))
        return log.article


def task_of(brief: Brief) -> str:
    """The brief in words, as both ways and the judge get it."""
    chinese = brief.language.startswith("zh")
    facts = "".join(f"\n- {fact}" for fact in brief.must_mention)
    must = ("\n必须写到：" if chinese else "\nIt must mention:") + facts if facts else ""
    tone = (f"\n语气：{brief.tone}" if chinese else f"\nTone: {brief.tone}") if brief.tone else ""
    length = f"\n长度：约{brief.words}字" if chinese else f"\nLength: about {brief.words} words"
    return f"{brief.instruction}{tone}{must}{length}"


def measures_table(briefs: Mapping[str, Brief], texts: Mapping[str, Mapping[str, str]]) -> str:
    """The means of every measure by language, with the interval of the difference over briefs."""
    lines = ["| language | measure | one prompt | pipeline | difference (95 %) |", "| --- | --- | --- | --- | --- |"]
    for language in ("en", "zh"):
        names = [n for n, b in briefs.items() if b.language.startswith(language)]
        values = {way: [text_measures.measured(texts[n][way], briefs[n]) for n in names] for way in WAYS}
        for measure in text_measures.MEASURES if names else ():
            lines.append(_row(language, measure, [[v[measure] for v in values[way]] for way in WAYS]))
    return "\n".join(lines)


def judge_table(
    judge: TextModel, briefs: Mapping[str, Brief], texts: Mapping[str, Mapping[str, str]], references: Path
) -> str:
    """The judge's means by language and respect; briefs with a reference text are judged against it."""
    lines = ["| language | respect | one prompt | pipeline | difference (95 %) |", "| --- | --- | --- | --- | --- |"]
    for language in ("en", "zh"):
        verdicts = []
        for name in (n for n, b in briefs.items() if b.language.startswith(language)):
            path = references / f"{name}.md"
            reference = path.read_text(encoding="utf-8") if path.is_file() else ""
            pair = (texts[name][WAYS[0]], texts[name][WAYS[1]])
            verdicts.append(
                text_judge.compare(judge, task_of(briefs[name]), pair, language=language, reference=reference)
            )
        for respect in text_judge.RESPECTS if verdicts else ():
            lines.append(
                _row(language, respect, [[v.first[respect] for v in verdicts], [v.second[respect] for v in verdicts]])
            )
    return "\n".join(lines)


def _row(language: str, name: str, values: Sequence[Sequence[float]]) -> str:
    one, ours = (np.array(v) for v in values)
    difference = ours - one
    rng = np.random.default_rng(0)
    means = [difference[rng.integers(0, len(difference), len(difference))].mean() for _ in range(1000)]
    low, high = np.quantile(means, [0.025, 0.975])
    spread = f"{difference.mean():+.3f} ({low:+.3f} to {high:+.3f})"
    return f"| {language} | {name} | {one.mean():.3f} | {ours.mean():.3f} | {spread} |"


if __name__ == "__main__":
    main()
