"""Articles and edits of every kind, for laws."""

from hypothesis import strategies as st

from composer.article import Article, Author, Block, Brief, ImageSlot, SectionPlan, TextBlock, Way
from composer.edits import (
    AddBlock,
    AppendText,
    ArrangeImage,
    ChooseImage,
    Claim,
    DescribeImage,
    Edit,
    FillBy,
    Lock,
    MoveBlock,
    OfferImages,
    PlanSection,
    RemoveBlock,
    ReplaceText,
    SeekImage,
    SetBrief,
    SetStyle,
    SetStyleCard,
    SetSummary,
    SetTitle,
    UnplanSection,
)
from retrieval.picture import Attribution, Candidate, Picture
from retrieval.style import Style
from retrieval.style_card import Colour, StyleCard

text = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=40)
authors: st.SearchStrategy[Author] = st.sampled_from(["model", "person"])
attributions = st.builds(
    Attribution, title=text, author=text, author_url=text, source=text, licence=text, generated=st.booleans(),
    changes=text, retrieved=text, original=text,
)  # fmt: skip
digests = st.integers(0, 5).map(lambda n: f"{n:064x}")
pictures = st.builds(
    Picture,
    digest=digests,
    media_type=st.just("image/png"),
    width=st.integers(1, 4000),
    height=st.integers(1, 4000),
    caption=text,
    keywords=st.tuples(text),
    attribution=attributions,
)
scores = st.floats(0, 1)
candidates = st.builds(Candidate, picture=pictures, source=text, score=scores, relevance=scores, style=scores)


triples = st.tuples(st.floats(0, 100), st.floats(-99, 99), st.floats(-99, 99))
palettes = st.lists(st.builds(Colour, lab=triples, share=scores), max_size=3).map(tuple)
cards = st.builds(
    StyleCard,
    look=st.builds(Style, st.lists(scores, min_size=17, max_size=17).map(tuple)),
    palette=palettes,
    flats=palettes,
    medium=st.sampled_from(["photo", "drawing", "line art"]),
    brightness=scores,
    contrast=scores,
    edges=scores,
    words=text,
    references=st.tuples(digests),
)


def trays(most: int = 4) -> st.SearchStrategy[tuple[Candidate, ...]]:
    return st.lists(candidates, max_size=most, unique_by=lambda c: c.picture.digest).map(tuple)


@st.composite
def blocks(draw: st.DrawFn, block_id: str) -> Block:
    if draw(st.booleans()):
        markdown = draw(st.sampled_from(["", "## "])) + draw(text)
        return TextBlock(id=block_id, markdown=markdown, author=draw(authors), locked=draw(st.booleans()))
    offered = draw(trays())
    chosen = draw(st.sampled_from([None, *(c.picture.digest for c in offered)]))
    return ImageSlot(
        id=block_id,
        purpose=draw(text),
        query=draw(text),
        caption=draw(text),
        alt=draw(text),
        candidates=offered,
        chosen=chosen,
        size=draw(st.sampled_from(["small", "column", "wide"])),
        align=draw(st.sampled_from(["start", "center", "end"])),
        decorative=draw(st.booleans()),
        focus=(draw(scores), draw(scores)),
        author=draw(authors),
        locked=draw(st.booleans()),
    )


@st.composite
def articles(draw: st.DrawFn) -> Article:
    numbers = draw(st.lists(st.integers(1, 30), unique=True, max_size=7))
    row = tuple(draw(blocks(f"b{n}")) for n in numbers)
    texts = [b.id for b in row if isinstance(b, TextBlock)]
    planned = sorted((i for i in texts if draw(st.booleans())), key=lambda i: int(i[1:]))
    plans = tuple(SectionPlan(heading=i, purpose=draw(text), words=draw(st.integers(0, 900))) for i in planned)
    return Article(
        id="a",
        title=draw(text),
        summary=draw(text),
        blocks=row,
        plans=plans,
        style=draw(text),
        next_id=max([0, *numbers]) + 1,
    )


@st.composite
def edits_of(draw: st.DrawFn, article: Article) -> Edit:
    """An edit that fits the article."""
    ids = [b.id for b in article.blocks]
    anchors = st.sampled_from([None, *ids])
    fresh = f"b{article.next_id}"
    options: list[st.SearchStrategy[Edit]] = [
        st.builds(SetBrief, brief=st.builds(Brief, instruction=text, words=st.integers(50, 900))),
        st.builds(SetTitle, title=text),
        st.builds(SetSummary, summary=text),
        st.builds(SetStyle, style=text),
        st.builds(SetStyleCard, card=st.none() | cards, strength=st.none() | st.floats(0, 1)),
        st.builds(AddBlock, block=blocks(fresh), after=anchors),
    ]
    for block in article.blocks:
        others = st.sampled_from([None, *(i for i in ids if i != block.id)])
        options += [
            st.just(RemoveBlock(id=block.id)),
            st.builds(MoveBlock, id=st.just(block.id), after=others),
            st.builds(Claim, id=st.just(block.id), author=authors),
            st.builds(Lock, id=st.just(block.id), locked=st.booleans()),
        ]
        if isinstance(block, TextBlock):
            plan = st.builds(SectionPlan, heading=st.just(block.id), purpose=text, written=st.booleans())
            options += [
                st.builds(AppendText, id=st.just(block.id), text=text),
                st.builds(ReplaceText, id=st.just(block.id), markdown=text),
                st.builds(PlanSection, plan=plan),
                st.just(UnplanSection(heading=block.id)),
            ]
        else:
            digest = st.sampled_from([None, *(c.picture.digest for c in block.candidates)])
            options += [
                st.builds(SeekImage, id=st.just(block.id), query=text, purpose=text),
                st.builds(FillBy, id=st.just(block.id), way=st.none() | st.sampled_from(Way), said_by=authors),
                st.builds(OfferImages, id=st.just(block.id), candidates=trays()),
                st.builds(ChooseImage, id=st.just(block.id), digest=digest),
                st.builds(DescribeImage, id=st.just(block.id), caption=text, alt=text),
                st.builds(
                    ArrangeImage,
                    id=st.just(block.id),
                    size=st.sampled_from(["small", "column", "wide"]),
                    align=st.sampled_from(["start", "center", "end"]),
                    decorative=st.booleans(),
                    focus=st.tuples(scores, scores),
                ),
            ]
    return draw(st.one_of(options))
