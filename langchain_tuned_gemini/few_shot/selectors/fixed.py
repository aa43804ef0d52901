"""The same examples, whatever is asked."""

from __future__ import annotations

from langchain_tuned_gemini.few_shot.selectors.selector import Choice, TuningExampleSelector


class FixedExampleSelector(TuningExampleSelector):
    """Selects the first `k` examples, whatever is asked.

    The prompt then starts with the same text on every call, which Gemini caches by itself where
    it is long enough, and reads for a fraction of the price. Prefer it where a few examples show
    the whole task (a format, a tone), or where hundreds of them are to be shown at once; prefer
    `LexicalExampleSelector` where the right answer depends on having seen one like it.

    Example:
        >>> selector = FixedExampleSelector([{"text_input": "1", "output": "2"}], k=1)
        >>> selector.select_examples({"text_input": "7"})
        [{'text_input': '1', 'output': '2'}]
    """

    def choose(self, query: str) -> Choice:  # noqa: ARG002  the port's signature
        """The first `k` examples."""
        return Choice(self.dataset.examples[: self.k], "fixed")
