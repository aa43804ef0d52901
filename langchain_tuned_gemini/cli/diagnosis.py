"""The checks of `tuned-gemini doctor`. A key is never in what they find."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, metadata, requires, version
from typing import Literal

from packaging.requirements import Requirement

from langchain_tuned_gemini.cli.context import CommandContext
from langchain_tuned_gemini.cli.errors import meaning_of_call, sentence_for
from langchain_tuned_gemini.cli.target import KEYS, Target
from langchain_tuned_gemini.errors import RecordsError, TunedGeminiError
from langchain_tuned_gemini.library import LibraryModel
from langchain_tuned_gemini.names.tuned_model_name import TunedModelName
from langchain_tuned_gemini.services.by_access import RIGHTS, may_list
from langchain_tuned_gemini.transport.access import VertexAccess
from langchain_tuned_gemini.tuned_models.base_models import find
from langchain_tuned_gemini.tuned_models.locations import elsewhere

_PACKAGES = ("langchain-tuned-gemini", "langchain-core", "langchain-google-genai", "google-genai")
"""Their versions matter to whoever is asked for help; the first one is this package."""

_NOT_FOR_USERS = {"dev", "mutants"}

Level = Literal["ok", "note", "problem"]

_SOON = 90
"""From how many days before its end on a base model is spoken of."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        level: Whether it is fine, worth a word, or wrong.
        about: What it is about.
        told: What was found, and what to do.
    """

    level: Level
    about: str
    told: str


def checks(
    context: CommandContext, name: str | None, base: str | None = None
) -> Iterator[tuple[str, Iterable[Finding]]]:
    """All checks, each with its title; one is carried out when its findings are asked for.

    Args:
        context: Where to look.
        name: A tuned model that is to be called once; None for none.
        base: The base model that is to stand in for it; the recorded one when None.
    """
    yield "the installation", _installation()
    yield "the environment", _environment(context.target)
    targets, objections = _set_up(context)
    if objections:
        yield "what is set up", objections
    has_several = len([target for target in targets if target.platform == "vertex"]) > 1
    for target in targets:
        if target.platform == "vertex":
            where = f" in {target}" if has_several else ""
            rights = _or_problem(f"Vertex AI{where}", _rights(target, where))
            yield f"the rights on Vertex AI ({target})", rights
        about = f"models ({target})"
        yield f"the tuned {about}", _or_problem(about, _models(context, target, about))
    yield "the records", _or_problem("records", _records(context))
    if name:
        yield name, _or_problem(name, _probe(context, name))
        yield "its fallback", _fallback(context, name, base)


def _or_problem(about: str, findings: Iterable[Finding]) -> Iterator[Finding]:
    """The findings of a check; an error of this package is a problem, and the last one."""
    try:
        yield from findings
    except TunedGeminiError as error:
        yield Finding("problem", about, sentence_for(error) or "")


def _installation() -> Iterator[Finding]:
    """The packages that are there, held against what this one asks for."""
    python = ".".join(map(str, sys.version_info[:3]))
    versions = [f"{name} {found}" for name in _PACKAGES if (found := _installed(name))]
    yield Finding("ok", "versions", f"{', '.join([f'Python {python}', *versions])}.")
    if not _installed(_PACKAGES[0]):
        told = f"{_PACKAGES[0]} is here without its metadata, so what it needs can't be checked."
        yield Finding("note", "installation", told)
        return
    for needed in _needed(""):
        if not _will_do(needed):
            found = _installed(needed.name)
            wrong = f"{found}; {needed.specifier} is needed" if found else "not installed"
            told = f'{needed.name} is {wrong}. Run: pip install "{needed}"'
            yield Finding("problem", needed.name, told)
    for extra in metadata(_PACKAGES[0]).get_all("Provides-Extra") or ():
        if extra not in _NOT_FOR_USERS:
            all_needed = [n for n in _needed(extra) if n.name != _PACKAGES[0]]
            if all(map(_will_do, all_needed)):
                there = ", ".join(f"{n.name} {_installed(n.name)}" for n in all_needed)
                yield Finding("ok", f"extra {extra}", f"{there}.")
            else:
                told = f'not installed. If you need it: pip install "{_PACKAGES[0]}[{extra}]"'
                yield Finding("note", f"extra {extra}", told)


def _needed(extra: str) -> Iterator[Requirement]:
    """The requirements of an extra, or those without one."""
    for line in requires(_PACKAGES[0]) or ():
        needed = Requirement(line)
        marker = needed.marker
        if marker is None:
            if not extra:
                yield needed
        elif marker.evaluate({"extra": extra}) and not (extra and marker.evaluate({"extra": ""})):
            needed.marker = None
            yield needed


def _will_do(needed: Requirement) -> bool:
    found = _installed(needed.name)
    return found is not None and needed.specifier.contains(found, prereleases=True)


def _installed(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _environment(target: Target) -> Iterator[Finding]:
    from langchain_tuned_gemini.secrets.secret_values import without_userinfo

    yield from _key(target)
    for variable, means in (
        ("GOOGLE_GEMINI_BASE_URL", "google-genai sends every call there that has no --base-url"),
        ("HTTPS_PROXY", "every request to Google passes it"),
    ):
        if value := os.environ.get(variable):
            told = f"{variable} is set ({without_userinfo(value)}): {means}."
            yield Finding("note", "network", told)
    if target.location == "global":
        yield Finding(
            "problem",
            "location",
            "No tuned model is in 'global': pass the region that it was tuned in, for example "
            "--location us-central1, or set GOOGLE_CLOUD_LOCATION.",
        )


def _key(target: Target) -> Iterator[Finding]:
    found = {name: os.environ[name] for name in KEYS if os.environ.get(name)}
    used = next(iter(found), None)
    if used is None:
        if not target.is_local and target.platform != "vertex":
            told = "No API key: the Gemini Developer API takes one in GOOGLE_API_KEY."
            yield Finding("note", "API key", told)
        return
    secret = found[used]
    if secret != secret.strip() or not secret.isascii() or secret[0] in "'\"":
        told = f"{used} has spaces, quotes or other characters that no key has: set it again."
        yield Finding("problem", "API key", told)
    elif len(set(found.values())) > 1:
        others = ", ".join(list(found)[1:])
        yield Finding("note", "API key", f"{used} is used; {others} says something else.")
    else:
        yield Finding("ok", "API key", f"{used} is set ({len(secret)} characters).")


def _set_up(context: CommandContext) -> tuple[list[Target], list[Finding]]:
    """The targets to look at, or why there is none, and what is not looked at."""
    try:
        targets = context.targets()
    except RecordsError:  # told by the check of the records
        targets = context.target.targets(())
    except TunedGeminiError as error:
        return [], [Finding("problem", "set-up", sentence_for(error) or "")]
    told = context.target.not_asked(targets)
    notes = [Finding("note", "not asked", told.removeprefix("Not asked: "))] if told else []
    return [one for one in targets if (one.platform, one.location) != ("vertex", "global")], notes


def _rights(target: Target, where: str) -> Iterator[Finding]:
    """Which records of Vertex AI may be seen; credentials that don't work are told by the list."""
    access = target.access(target.name("endpoints/0"))
    assert isinstance(access, VertexAccess)  # noqa: S101  # what an endpoint's name takes
    for right, needed_for in RIGHTS.items():
        allowed = may_list(access, right)
        told = "allowed" if allowed else f"forbidden to this account; needed for {needed_for}"
        yield Finding("ok" if allowed else "note", right, f"{told}{where}.")


def _models(context: CommandContext, target: Target, about: str) -> Iterator[Finding]:
    models = context.library_at([target]).list()
    active = [model for model in models if model.state == "ACTIVE"]
    failed = [model for model in models if model.has_failed]
    told = f"{_counted(len(models), 'tuned model')} can be seen, {len(active):,} of them ACTIVE."
    yield Finding("ok", about, told)
    if failed:
        told = f"{len(failed):,} will never answer. To delete them: tuned-gemini delete --failed"
        yield Finding("note", about, told)
    yield from _bases(active)


def _bases(models: Iterable[LibraryModel]) -> Iterator[Finding]:
    """Base models that are gone, or soon will be, and with them what was tuned from them."""
    today = datetime.now(UTC).date()
    tuned = Counter((model.model.base_model, model.platform) for model in models)
    for (base, platform), number in tuned.items():
        known = find(base)
        if known is None or platform not in known.ends:
            continue
        if end := known.retirement(platform, today):
            told = f"{end}. From it come {_counted(number, 'ACTIVE tuned model')}: tune again."
            yield Finding("problem", "base model", told)
        elif (days := (known.ends[platform][0] - today).days) <= _SOON:
            told = f"{known.id} ends in {_counted(days, 'day')}, and what was tuned from it with it"
            models_ = _counted(number, "model")
            yield Finding("note", "base model", f"{told}: {models_}. Move to a current one.")


def _records(context: CommandContext) -> Iterator[Finding]:
    """The file of versions and aliases, if there is one."""
    from langchain_tuned_gemini.registry import Records

    records = Records(context.target.records)
    if not records.path.exists():
        return
    catalog = records.load()
    versions = _counted(len(catalog.versions), "version")
    aliases = _counted(len(catalog.aliases), "alias", "aliases")
    yield Finding("ok", "records", f"{records.path}: {versions}, {aliases}.")


def _probe(context: CommandContext, name: str) -> Iterator[Finding]:
    seen = context.probe(name)
    told = f"{seen.outcome}: {seen.for_command_line}"
    yield Finding("ok" if seen.is_ready else "problem", name, told)


def _fallback(context: CommandContext, name: str, base: str | None) -> Iterator[Finding]:
    """Asks the base model once, as the fallback of the tuned one would."""
    from langchain_tuned_gemini.chat_models.base_model import BaseModelChatModel
    from langchain_tuned_gemini.chat_models.tuned import ChatTunedGemini

    try:
        found = context.find(name)
        record = found.record.record if found.record else None
        base = base or (record.fallback.base_model if record and record.fallback else None)
        if base is None:
            told = "No base model is recorded that is to stand in; say with --base which one it is."
            yield Finding("note", "fallback", told)
            return
        parameters = record.parameters if record else {}
        rights = context.target.rights(found.platform)
        model = ChatTunedGemini(model=found.name, **parameters, **rights).base_chat_model(base)
        assert isinstance(model, BaseModelChatModel)  # noqa: S101  # what a name becomes
        model.invoke("Hello", max_output_tokens=16)
    except Exception as error:
        if (said := sentence_for(error) or meaning_of_call(error)) is None:
            raise
        yield Finding("problem", "fallback", f"{base} does not answer: {said}")
        return
    where, own = model.locations[0], TunedModelName.parse(found.name).location
    told = f"{base} answers{f' in {where}' if where else ''}."
    if where and where == own:
        told += (
            f" An outage of {where} takes both models: fallback_location={elsewhere(own)!r} asks "
            "the base model elsewhere."
        )
    yield Finding("ok", "fallback", told)


def _counted(number: int, word: str, plural: str = "") -> str:
    """So many of something.

    Example:
        >>> _counted(1, "alias", "aliases"), _counted(2000, "day")
        ('1 alias', '2,000 days')
    """
    return f"{number:,} {word if number == 1 else plural or f'{word}s'}"
