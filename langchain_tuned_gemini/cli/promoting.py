"""`tuned-gemini promote` and `tuned-gemini rollback`: which version is in use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from langchain_tuned_gemini.cli.command import VERSIONS, command
from langchain_tuned_gemini.cli.session import Session

if TYPE_CHECKING:
    from langchain_tuned_gemini.library.promoting import Promotion

Alias = Annotated[str, typer.Argument(help="An alias, such as sql-expert@production.")]


@command("promote", panel=VERSIONS)
def promote(
    session: Session,
    alias: Alias,
    version: Annotated[str, typer.Argument(help="A version, such as v3, or a full name.")],
) -> None:
    """Let an alias point to a version, once that has answered a call."""
    _tell(session, session.library().promote(alias, version))


@command("rollback", panel=VERSIONS)
def rollback(
    session: Session,
    alias: Alias,
    force: Annotated[
        bool, typer.Option("--force", help="Go back without calling the version before.")
    ] = False,
) -> None:
    """Let an alias point to the version before."""
    _tell(session, session.library().rollback(alias, force=force))


def _tell(session: Session, done: Promotion) -> None:
    if done.before == done.version:
        told = f"{done.alias} is {done.version} already: {done.model}"
    else:
        before = f" (was {done.before})" if done.before else ""
        told = f"{done.alias} is {done.version} now{before}: {done.model}"
    session.out.result(
        {
            "alias": done.alias,
            "version": done.version,
            "before": done.before or None,
            "model": done.model,
        },
        told,
    )
