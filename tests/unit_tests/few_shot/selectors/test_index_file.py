"""An index in a file: read where it is good, built again where it is not."""

import json
import logging
import zipfile

import pytest

from langchain_tuned_gemini.errors import ExampleIndexError
from langchain_tuned_gemini.few_shot.selectors import LexicalExampleSelector
from langchain_tuned_gemini.few_shot.selectors.index import ExampleIndex

ROWS = [
    {"text_input": text, "output": label}
    for text, label in [
        ("Where is my card?", "card_arrival"),
        ("My card has not come", "card_arrival"),
        ("Straße und Weg?", "address"),
        ("I have moved: 新しい住所", "address"),
        ("top up by transfer", "top_up"),
        ("the top-up failed", "top_up"),
    ]
]
OTHERS = [{"text_input": "one", "output": "two"}]
QUERIES = ["card", "strasse", "新しい住所", "top up", "?", "", "the card top"]


class BuiltError(Exception):
    """Somebody has built an index instead of reading it."""


@pytest.fixture
def path(tmp_path):
    return tmp_path / "train.index"


@pytest.fixture
def no_building(monkeypatch):
    def refuse(*arguments, **settings):
        raise BuiltError

    return lambda: monkeypatch.setattr(ExampleIndex, "build", refuse)


def selector(path, rows=ROWS, **settings):
    return LexicalExampleSelector(rows, index_path=path, **settings)


def choices(chooser, k=6):
    chooser.k = k
    return [chooser.choose(query) for query in QUERIES]


@pytest.mark.parametrize("diverse", [True, False])
def test_a_second_process_reads_what_the_first_has_built(path, no_building, diverse):
    built = choices(selector(path, label_diverse=diverse))

    no_building()

    assert choices(selector(path, label_diverse=diverse)) == built
    with pytest.raises(BuiltError):
        choices(selector(path, label_diverse=not diverse))


def test_the_k_of_a_selector_does_not_matter_to_its_index(path, no_building):
    selector(path, k=1).build()

    no_building()

    assert len(selector(path, k=3).choose("card").examples) == 3


def test_nothing_is_written_without_a_path(tmp_path):
    selector(None).build()

    assert list(tmp_path.iterdir()) == []


def test_it_is_written_as_a_whole_and_holds_no_pickle(path):
    selector(path).build()

    content = path.read_bytes()
    assert content.startswith(b"langchain-tuned-gemini example index\n")
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            header = archive.read(name)[:200]
            assert header.startswith(b"\x93NUMPY")
            assert b"'|O'" not in header
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def cut(content):
    return content[: len(content) // 2]


def flipped(content):
    return content[:-200] + bytes([content[-200] ^ 1]) + content[-199:]


def without_payload(content):
    return b"\n".join(content.split(b"\n")[:2]) + b"\n"


def of_another_version(content):
    magic, header, payload = content.split(b"\n", 2)
    said = {**json.loads(header), "version": 99}
    return b"\n".join([magic, json.dumps(said).encode(), payload])


def with_a_list_for_a_header(content):
    magic, _, payload = content.split(b"\n", 2)
    return b"\n".join([magic, b"[1]", payload])


DAMAGES = {
    "cut in the middle": (cut, "it is damaged"),
    "one bit flipped": (flipped, "it is damaged"),
    "without its arrays": (without_payload, "it is damaged"),
    "the first line only": (lambda content: content[:37], "it is damaged"),
    "left empty by a crash": (lambda content: b"", "it is damaged"),
    "a list for a header": (with_a_list_for_a_header, "another version"),
    "another version": (of_another_version, "another version"),
}


@pytest.mark.parametrize(("damage", "why"), DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_file_is_built_again_with_a_warning(path, caplog, no_building, damage, why):
    expected = choices(selector(path))
    path.write_bytes(damage(path.read_bytes()))

    assert choices(selector(path)) == expected

    (warning,) = [r for r in caplog.records if r.name == "langchain_tuned_gemini"]
    assert warning.levelno == logging.WARNING
    assert f"{path} is built again: {why}" in warning.message
    no_building()
    assert choices(selector(path)) == expected


@pytest.mark.parametrize("rows", [OTHERS, ROWS[::-1], ROWS[:-1]], ids=["other", "order", "fewer"])
def test_an_index_of_other_examples_is_built_again(path, caplog, rows):
    selector(path, OTHERS if rows is not OTHERS else ROWS).build()

    assert choices(selector(path, rows)) == choices(selector(None, rows))
    assert "it is of other examples" in caplog.text


def test_a_file_of_something_else_is_never_written_over(path):
    path.write_text('{"text_input": "precious", "output": "data"}\n')

    with pytest.raises(ExampleIndexError, match="is no example index, so it is left") as caught:
        selector(path).build()

    assert caught.value.path == str(path)
    assert "precious" in path.read_text()


def test_a_folder_that_is_not_there_costs_the_file_and_not_the_index(tmp_path, caplog):
    found = selector(tmp_path / "missing" / "train.index").choose("card")

    assert found.examples[0].output == "card_arrival"
    assert "can't be written" in caplog.text


def test_a_path_that_can_not_be_read_costs_the_file_and_not_the_index(tmp_path, caplog):
    found = selector(tmp_path).choose("card")

    assert found.examples[0].output == "card_arrival"
    assert "is built again" in caplog.text


def test_an_added_example_makes_the_file_stale(path):
    chooser = selector(path)
    chooser.build()
    chooser.add_example({"text_input": "lost PIN", "output": "pin"})

    assert chooser.choose("PIN").examples[0].output == "pin"
    assert selector(path, [*ROWS, {"text_input": "lost PIN", "output": "pin"}]).choose(
        "PIN"
    ) == chooser.choose("PIN")
