"""The report of a comparison, as a real browser shows it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from langchain_tuned_gemini.comparison import PriceTable, compare
from langchain_tuned_gemini.guards import OneOf
from langchain_tuned_gemini.testing import ScriptedChatModel
from tests.browser import Page, browser_page, find_browser

pytestmark = pytest.mark.skipif(find_browser() is None, reason="there is no browser here")

HOSTILE = [
    "<script>document.title = 'taken over'</script>",
    "<img src='http://127.0.0.1:9/pixel' onerror=\"document.title = 'taken over'\">",
    "</td></table></details><style>body { display: none }</style>",
    "<svg onload=\"document.title = 'taken over'\"><a href='javascript:alert(1)'>here</a></svg>",
    "\u202ereversed\u202c, \u001b[31mred\u001b[0m, \u0000",
    "a" * 3_000,
    TimeoutError("<script>document.title = 'taken over'</script>"),
]
NAMES = [
    "production",
    "v3 <b>bold</b> & a name that is much longer than there is room for it",
    "base+few-shot",
]
VIEWS = [(1280, "light"), (1280, "dark"), (390, "light"), (390, "dark")]

# What a reader would call broken: text over text, text cut off, text that can't be read.
OVERLAPS = """
[...document.querySelectorAll('svg')].flatMap(svg => {
  const frame = svg.getBoundingClientRect();
  const boxes = [...svg.querySelectorAll('text')].map(
    text => ({text: text.textContent, box: text.getBoundingClientRect()}));
  const outside = boxes.filter(({box}) => box.left < frame.left - 1 || box.right > frame.right + 1);
  const overlapping = boxes.filter((one, i) => boxes.slice(i + 1).some(other =>
    one.box.left < other.box.right && other.box.left < one.box.right &&
    one.box.top + 2 < other.box.bottom && other.box.top + 2 < one.box.bottom));
  return [...outside, ...overlapping].map(({text}) => text);
})
"""
SMALLEST_TEXT = """
Math.min(...[...document.querySelectorAll('text')].map(text =>
  parseFloat(getComputedStyle(text).fontSize) * text.getScreenCTM().a))
"""
CONTRASTS = """
(() => {
  const light = color => {
    const parts = color.match(/[\\d.]+/g).slice(0, 3).map(Number).map(part => part / 255)
      .map(part => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2];
  };
  const behind = element => {
    for (let one = element; one; one = one.parentElement) {
      const color = getComputedStyle(one).backgroundColor;
      if (color !== 'rgba(0, 0, 0, 0)') return color;
    }
  };
  const low = [];
  for (const element of document.querySelectorAll('p,h1,h2,th,td,.meta,.yes,.no,figcaption,text,circle,rect')) {
    const style = getComputedStyle(element);
    const color = element instanceof SVGElement ? style.fill : style.color;
    const [less, more] = [light(color), light(behind(element))].sort((a, b) => a - b);
    const wanted = ['circle', 'rect'].includes(element.tagName) ? 3 : 4.5;
    if ((more + 0.05) / (less + 0.05) < wanted) low.push([element.outerHTML.slice(0, 80), color]);
  }
  return low;
})()
"""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with browser_page(tmp_path_factory.mktemp("browser")) as page:
        yield page


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of three candidates, one of which says everything that could do harm."""
    test = [(f"{text}? {number}".replace("\0", ""), "yes") for number, text in enumerate(HOSTILE)]
    models: list[Any] = [["yes"], HOSTILE, ["yes", "no"]]
    comparison = compare(
        {
            name: ScriptedChatModel(answers=answers)
            for name, answers in zip(NAMES, models, strict=True)
        },
        test,
        guards=[OneOf(["yes", "no"])],
        prices=PriceTable.of({"scripted": {"input": 1, "output": 2}}),
        max_concurrency=1,
    )
    path = tmp_path_factory.mktemp("report") / "report.html"
    comparison.write_html(path)
    return path


@pytest.mark.parametrize(("width", "scheme"), VIEWS)
def test_the_report_can_be_read_at_every_width_and_in_both_colours(
    page: Page, report: Path, width: int, scheme: str
) -> None:
    page.open(report, width=width, scheme=scheme)

    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate(OVERLAPS) == []
    assert page.evaluate(CONTRASTS) == []
    assert page.evaluate(SMALLEST_TEXT) >= 7.0  # pixels
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (paper == "rgb(255, 255, 255)") is (scheme == "light")


def test_nothing_that_a_model_says_runs_or_is_loaded(page: Page, report: Path) -> None:
    page.open(report, width=1280, scheme="light")

    assert page.evaluate("document.title").startswith("production / v3 <b>bold</b>")
    assert (
        page.evaluate("document.querySelectorAll('script, img, iframe, a, body b b').length") == 0
    )
    assert page.evaluate("getComputedStyle(document.body).display") == "block"
    assert page.evaluate("performance.getEntriesByType('resource').length") == 0
    loaded = [request["request"]["url"] for request in page.told("Network.requestWillBeSent")]
    assert loaded == [report.as_uri()]
    assert page.told("Log.entryAdded") == page.told("Runtime.exceptionThrown") == []


def test_a_model_may_say_anything_and_is_quoted(page: Page, report: Path) -> None:
    page.open(report, width=1280, scheme="light")

    said = page.evaluate(
        "[...document.querySelectorAll('td:nth-child(4) .said')].map(e => e.textContent)"
    )

    assert said[:4] == HOSTILE[:4]
    assert said[4] == "\ufffdreversed\ufffd, \ufffd[31mred\ufffd[0m, \ufffd"


def test_the_policy_forbids_what_escaping_should_ever_miss(page: Page, report: Path) -> None:
    page.open(report, width=1280, scheme="light")

    page.evaluate(
        "document.body.insertAdjacentHTML('beforeend', "
        '\'<img src="http://127.0.0.1:9/pixel" onerror="document.title = 1">\')'
    )

    assert page.evaluate("document.title").startswith("production")
    assert "violates the following Content Security Policy" in str(page.told("Log.entryAdded"))


def test_the_plots_show_the_figures(page: Page, report: Path) -> None:
    page.open(report, width=1280, scheme="light")

    across = page.evaluate(
        "[...document.querySelector('figure').querySelectorAll('circle')].map(e => e.cx.baseVal.value)"
    )
    titles = page.evaluate(
        "[...document.querySelector('figure').querySelectorAll('title')].map(e => e.textContent)"
    )

    assert titles[0] == "production: 100.0 % (64.6 to 100.0)"
    assert across[0] > across[2] > across[1]  # all, some and none of the answers are right
