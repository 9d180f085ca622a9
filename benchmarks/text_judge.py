"""A judge with CreationBench's rubric over any engine of ours, so over any OpenAI-compatible server as `openai:MODEL`.

Two texts are read at once, twice, with their positions swapped, and each is given 1 to 10 in five respects; with a
reference, 9 and 10 are for what is clearly better than it.
"""

import json
from dataclasses import dataclass

from composer.errors import ReplyError
from composer.models import TextModel
from composer.prompts import user
from composer.reply import ask_json

RESPECTS = ("creativity", "richness", "fulfilment", "coherence", "overall")
TASKS = {
    "en": (
        "Two writers were given this task:\n<task>\n{task}\n</task>\n{reference}"
        "Text A:\n<a>\n{a}\n</a>\n\nText B:\n<b>\n{b}\n</b>\n\n"
        "Give each text whole numbers from 1 to 10. creativity: new thoughts and turns. richness: how much there is, and how "
        "varied. fulfilment: whether it does what the task asks. coherence: whether it hangs together and does not contradict "
        "itself. overall: all in all. 1-2 useless, 3-4 weak, 5-6 usable, 7-8 good, 9-10 {top}. The order of the texts and "
        "their length alone must not matter. Answer in JSON."
    ),
    "zh": (
        "两位作者得到同一个任务：\n<task>\n{task}\n</task>\n{reference}"
        "文本 A：\n<a>\n{a}\n</a>\n\n文本 B：\n<b>\n{b}\n</b>\n\n"
        "请给每个文本打 1 到 10 的整数分。creativity：新意。richness：内容是否丰富多样。fulfilment：是否完成任务的要求。"
        "coherence：是否连贯、不自相矛盾。overall：总体。1-2 无用，3-4 较差，5-6 可用，7-8 好，9-10 {top}。"
        "文本的先后和长短本身不应影响分数。用 JSON 回答。"
    ),
}
REFERENCES = {
    "en": "A reference text:\n<reference>\n{text}\n</reference>\n",
    "zh": "参考文本：\n<reference>\n{text}\n</reference>\n",
}
TOPS = {
    "en": ("excellent", "clearly better than the reference"),
    "zh": ("极好", "明显超过参考文本"),
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """The means over both positions, by respect."""

    first: dict[str, float]
    second: dict[str, float]


def compare(judge: TextModel, task: str, texts: tuple[str, str], *, language: str, reference: str = "") -> Verdict:
    """Scores of two texts for one task. Raises ReplyError and what the engine raises."""
    first, second = texts
    straight = _scores(judge, _request(task, first, second, language, reference))
    swapped = _scores(judge, _request(task, second, first, language, reference))
    return Verdict(
        first={r: (straight["a"][r] + swapped["b"][r]) / 2 for r in RESPECTS},
        second={r: (straight["b"][r] + swapped["a"][r]) / 2 for r in RESPECTS},
    )


def _request(task: str, a: str, b: str, language: str, reference: str) -> str:
    code = "zh" if language.startswith("zh") else "en"
    shown = REFERENCES[code].format(text=reference) if reference else ""
    return TASKS[code].format(task=task, reference=shown, a=a, b=b, top=TOPS[code][bool(reference)])


def _scores(judge: TextModel, request: str) -> dict[str, dict[str, int]]:
    marks = {r: {"type": "integer", "minimum": 1, "maximum": 10} for r in RESPECTS}
    one = {"type": "object", "properties": marks, "required": list(RESPECTS), "additionalProperties": False}
    schema = {
        "type": "object",
        "properties": {"a": one, "b": one},
        "required": ["a", "b"],
        "additionalProperties": False,
    }
    reply = ask_json(judge, (user(request),), schema, max_tokens=200, seed=0)
    try:
        value = json.loads(reply)
        return {text: {r: min(10, max(1, int(value[text][r]))) for r in RESPECTS} for text in ("a", "b")}
    except (ValueError, KeyError, TypeError) as error:
        raise ReplyError(f"the judge's scores could not be read: {reply[:80]!r}") from error
