"""The report of a comparison: one HTML file that loads nothing and runs no script.

What models and servers said is escaped; a content security policy stands behind that.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from html import escape
from importlib.resources import files

from langchain_tuned_gemini.comparison import figure_text
from langchain_tuned_gemini.comparison.comparison import Comparison
from langchain_tuned_gemini.comparison.reports import charts, table
from langchain_tuned_gemini.comparison.reports.charts import Mark
from langchain_tuned_gemini.comparison.scoring import Metric, Result
from langchain_tuned_gemini.comparison.significance import is_better
from langchain_tuned_gemini.comparison.statistics import Interval

_MOST_QUESTIONS = 500
"""How many questions a report shows: a browser has to read it. The JSON has all of them."""

_MOST_TEXT = 4_000
"""How many characters of a text it shows."""

_POLICY = "default-src 'none'; style-src 'unsafe-inline'"

_METRICS: dict[Metric, str] = {"exact": "Right answers", "guards": "Answers that pass the guards"}


def report(comparison: Comparison) -> Iterator[str]:
    """The report in pieces.

    Args:
        comparison: What it is about.
    """
    title = _text(f"{' / '.join(comparison.candidates)}: compared on {comparison.source}")
    style = files(__package__).joinpath("report.css").read_text(encoding="utf-8")
    yield (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>\n{style}</style>\n</head>\n<body>\n"
    )
    yield from _head(comparison)
    yield from _figures(comparison)
    yield from _plots(comparison)
    yield from _questions(comparison)
    yield from _colophon(comparison)
    yield "</body>\n</html>\n"


def _head(comparison: Comparison) -> Iterator[str]:
    ended = comparison.ended.strftime("%Y-%m-%d %H:%M UTC")
    number = figure_text.number(len(comparison.questions))
    yield (
        "<header>\n<h1>Comparison of "
        f"{figure_text.number(len(comparison.candidates))} candidates</h1>\n"
        f"<p>{number} questions from <code>{_text(comparison.source)}</code>, {ended}</p>\n"
    )
    yield from (_verdict(comparison, candidate) for candidate in comparison.candidates[1:])
    yield "</header>\n"


def _verdict(comparison: Comparison, candidate: str) -> str:
    """The decision on a candidate, with the difference to the baseline."""
    paired = comparison.difference(candidate).paired
    if is_better(comparison, candidate):
        kind, verb = "better", "is better than"
    elif paired.interval.high < 0:
        kind, verb = "worse", "is worse than"
    else:
        kind, verb = "open", "can't be told from"
    return (
        f'<section class="verdict {kind}"><h2><b>{_text(candidate)}</b> {verb} '
        f"<b>{_text(comparison.baseline)}</b></h2>"
        f"<p>{figure_text.signed_points(paired.value)} points "
        f"({figure_text.signed_bounds(paired.interval)}), p = {paired.p_value:.2g}: "
        f"{paired.gained} questions gained, {paired.lost} lost</p>"
        "</section>\n"
    )


def _figures(comparison: Comparison) -> Iterator[str]:
    yield "<section>\n<h2>Figures</h2>\n"
    yield from _table("figures", table.columns(comparison), _figure_rows(comparison))
    yield from (f'<p class="note">{_text(note)}</p>\n' for note in table.notes(comparison))
    yield "</section>\n"


def _figure_rows(comparison: Comparison) -> Iterator[str]:
    for color, (name, *cells) in enumerate(table.rows(comparison)):
        yield f"<tr><th scope=row>{_key(color)}{_text(name)}</th>"
        yield from (f"<td>{_text(cell)}</td>" for cell in cells)
        yield "</tr>\n"


def _table(kind: str, columns: Iterable[str], rows: Iterable[str]) -> Iterator[str]:
    yield f'<div class="wide"><table class="{kind}">\n<thead><tr>'
    yield from (f"<th scope=col>{_text(name)}</th>" for name in columns)
    yield "</tr></thead>\n<tbody>\n"
    yield from rows
    yield "</tbody>\n</table></div>\n"


def _plots(comparison: Comparison) -> Iterator[str]:
    figures = comparison.figures
    yield '<section class="plots">\n'
    for metric, name in _METRICS.items():
        rates = [(one.candidate, one.rate(metric)) for one in figures]
        marks = [
            Mark(candidate, color, rate.value, rate.interval, figure_text.rate(rate))
            for color, (candidate, rate) in enumerate(rates)
        ]
        caption = f"{name}, with 95 % intervals"
        yield _figure(caption, charts.dots(name, marks, charts.SHARES))
    differences = [
        Mark(d.candidate, color, d.paired.value, d.paired.interval, figure_text.difference(d))
        for color, d in enumerate(comparison.differences, start=1)
    ]
    if differences:
        name = f"Points more than {comparison.baseline} ({_METRICS[comparison.metric].lower()})"
        axis = charts.differences_axis(differences)
        yield _figure(f"{name}, with 95 % intervals", charts.dots(name, differences, axis))
    currency = comparison.prices.currency if comparison.prices else ""
    costs = [
        Mark(one.candidate, color, cost, Interval(cost, cost), figure_text.money(cost, currency))
        for color, one in enumerate(figures)
        if (cost := one.cost_of_a_thousand) is not None
    ]
    if costs:
        name = "Cost of 1,000 questions"
        yield _figure(name, charts.bars(name, costs))
    samples = [
        (name, [result.duration_s for result in results if result.failure is None])
        for name, results in comparison.results.items()
    ]
    name = "Share of answers that took no longer than"
    yield _figure(name, charts.curves(name, samples), legend=comparison.candidates)
    yield "</section>\n"


def _figure(caption: str, svg: str, *, legend: Sequence[str] = ()) -> str:
    if not svg:
        return ""
    keys = "".join(f"<li>{_key(color)}{_text(name)}</li>" for color, name in enumerate(legend))
    below = f'<ul class="legend">{keys}</ul>' if keys else ""
    return f"<figure><figcaption>{_text(caption)}</figcaption>{svg}{below}</figure>\n"


def _key(color: int) -> str:
    return f'<span class="key c{color % 8}"></span>'


def _questions(comparison: Comparison) -> Iterator[str]:
    """Those that tell the candidates apart first; the others are folded up."""
    apart: list[int] = []
    alike: list[int] = []
    for place in range(len(comparison.questions)):
        passes = {
            results[place].passes(comparison.metric) for results in comparison.results.values()
        }
        (apart if len(passes) > 1 else alike).append(place)
    yield "<section>\n<h2>Questions</h2>\n"
    for name, places, is_open in (
        ("that tell the candidates apart", apart, True),
        ("on which they pass or fail alike", alike, False),
    ):
        yield f"<details{' open' if is_open else ''}><summary>{len(places):,} {name}</summary>\n"
        columns = ("question", "right", *comparison.candidates)
        yield from _table(
            "questions", columns, _question_rows(comparison, places[:_MOST_QUESTIONS])
        )
        if (more := len(places) - _MOST_QUESTIONS) > 0:
            yield f'<p class="note">{more:,} more are in the JSON, not here.</p>\n'
        yield "</details>\n"
    yield "</section>\n"


def _question_rows(comparison: Comparison, places: Iterable[int]) -> Iterator[str]:
    for place in places:
        question = comparison.questions[place]
        right = "<hr>".join(map(_quote, question.expected))
        yield f"<tr><td>{_quote(question.example.text_input)}</td><td>{right}</td>"
        for results in comparison.results.values():
            yield from _answer(results[place], comparison.metric)
        yield "</tr>\n"


def _answer(result: Result, metric: Metric) -> Iterator[str]:
    passes = result.passes(metric)
    mark = '<span class="yes">✓ passes</span>' if passes else '<span class="no">✗ fails</span>'
    yield f"<td>{mark}{_quote(result.text) if result.text else ''}"
    failure = result.failure
    details = (
        figure_text.seconds(result.duration_s),
        result.answered_by and f"by {result.answered_by}",
        result.fell_back and f"fell back: {result.fell_back}",
        result.refusal,
        f"no answer: {failure.reason}, {failure.text}" if failure else "",
    )
    yield f'<div class="meta">{_text(" · ".join(filter(None, details)))}</div></td>'


def _colophon(comparison: Comparison) -> Iterator[str]:
    yield (
        "<footer><p>Rates have Wilson's score interval. Differences are paired, question by "
        "question, with Tango's score interval and McNemar's exact test. A candidate is better "
        "when the whole interval is above zero and p is below 0.05. What it did not answer counts "
        "against it; a question that the service kept the other one from answering counts for "
        "neither.</p>\n"
    )
    versions = ", ".join(f"{name} {version}" for name, version in comparison.versions.items())
    yield f"<p>Test set <code>{comparison.data_hash[:16]}</code>; versions: {_text(versions)}</p>"
    yield "</footer>\n"


def _quote(text: str) -> str:
    """Somebody's words, in a box of its own that their writing direction does not leave."""
    shown = text if len(text) <= _MOST_TEXT else f"{text[:_MOST_TEXT]}…"
    return f'<bdi class="said">{_text(shown)}</bdi>'


def _text(text: str) -> str:
    return escape(figure_text.printable(text, keep="\n\t"))
