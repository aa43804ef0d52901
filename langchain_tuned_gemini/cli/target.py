"""The platform, project and location that a command is about, and the right to ask there."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from importlib.util import find_spec
from typing import TYPE_CHECKING, Annotated, Any

import typer

from langchain_tuned_gemini.tuned_models.platform import Platform

if TYPE_CHECKING:
    from langchain_tuned_gemini.errors import ParameterError
    from langchain_tuned_gemini.names.tuned_model_name import TunedModelName
    from langchain_tuned_gemini.services import TunedModelService
    from langchain_tuned_gemini.transport.access import Access

KEYS = ("TUNED_GEMINI_API_KEY", "GOOGLE_API_KEY", "GEMINI_API_KEY")
"""The variables that may hold an API key. The first one's goes to whatever address is given."""

ALL = "all"
"""What `--location` takes for every region."""

ANY_KEY = "any-key"
"""What an emulator on this machine takes."""


def _option(envvar: str, help_: str, **settings: Any) -> Any:
    return typer.Option(envvar=envvar, help=help_, rich_help_panel="Where to look", **settings)


@dataclass(frozen=True, slots=True)
class Target:
    """A platform, and where on it; each field is an option of the commands.

    `platform` is None where the names, or what is set up, decide. Where a command looks at all
    targets (`targets`), `location` may also be several with commas between them, or `all`.
    """

    platform: Annotated[
        Platform | None,
        _option(
            "TUNED_GEMINI_PLATFORM",
            "Where the tuned models are; by default what the name or the environment says.",
        ),
    ] = None
    project: Annotated[str | None, _option("GOOGLE_CLOUD_PROJECT", "Project of Vertex AI.")] = None
    location: Annotated[
        str | None,
        _option(
            "GOOGLE_CLOUD_LOCATION",
            "Region of Vertex AI; for list, versions and doctor also several, or 'all'.",
        ),
    ] = None
    base_url: Annotated[
        str | None,
        _option(
            "TUNED_GEMINI_BASE_URL",
            "Address of the API: of the emulator, or a gateway.",
            metavar="URL",
        ),
    ] = None
    records: Annotated[
        str | None,
        _option(
            "TUNED_MODELS",
            "File of versions and aliases; tuned-models.toml by default.",
            metavar="FILE",
        ),
    ] = None

    def name(self, text: str) -> TunedModelName:
        """Reads the name of a tuned model, which may be short.

        Raises:
            TunedModelNameError: It can't be one, or it is on the other platform.
        """
        from langchain_tuned_gemini.errors import TunedModelNameError
        from langchain_tuned_gemini.names.tuned_model_name import TunedModelName

        is_full = text.startswith(("projects/", "tunedModels/"))
        if not is_full:
            self._check_that_it_is_one()
        short = {} if is_full else {"project": self.project, "location": self.location}
        name = TunedModelName.parse(text, **short)
        if self.platform and name.platform != self.platform:
            raise TunedModelNameError(
                f"{name} is a name of the other platform. Leave out --platform "
                f"{self.platform}: a full name says where it is.",
                name=str(name),
            )
        return name

    @property
    def platforms(self) -> tuple[Platform, ...]:
        """The platforms to look at: the one asked for, or all that are set up.

        Raises:
            ParameterError: Nothing is set up.
        """
        if self.platform:
            return (self.platform,)
        has_vertex = bool(self.project and self.location)
        found: list[Platform] = []
        if key() or (self.is_local and not has_vertex):
            found.append("developer")
        if has_vertex:
            found.append("vertex")
        if not found:
            raise self._nothing_is_set_up()
        return tuple(found)

    def targets(self, recorded: Iterable[tuple[str, str]]) -> list[Target]:
        """All targets to look at, each with one platform, project and location.

        Args:
            recorded: Projects and locations of Vertex AI that the records know.

        Raises:
            ParameterError: Nothing is set up.
        """
        here = [(self.project, region) for region in self._regions()] if self.project else []
        there = dict.fromkeys([*here, *recorded] if self.platform != "developer" else [])
        found = [
            replace(self, platform="vertex", project=project, location=location)
            for project, location in there
        ]
        is_ours = bool(key()) or (self.is_local and not here)
        if self.platform == "developer" or (self.platform is None and is_ours):
            found.insert(0, replace(self, platform="developer"))
        if not found:
            raise self._nothing_is_set_up()
        return found

    def not_asked(self, targets: Iterable[Target]) -> str:
        """Where nobody looks though tuned models may be there, and what changes that; or empty."""
        asked = {target.platform for target in targets}
        if self.platform == "developer":
            return ""
        told = []
        if self.platform is None and "developer" not in asked:
            told.append("the Developer API (no API key is set)")
        if not (self.project and self.location):
            missing = " and ".join(f"--{name}" for name in self._missing())
            told.append(f"Vertex AI{' elsewhere' if 'vertex' in asked else ''} ({missing})")
        elif self.location != ALL:
            told.append(f"other locations of Vertex AI (--location {ALL})")
        return f"Not asked: {'; '.join(told)}." if told else ""

    def __str__(self) -> str:
        return f"{self.project}/{self.location}" if self.platform == "vertex" else "developer"

    def _regions(self) -> list[str]:
        from langchain_tuned_gemini.tuned_models.locations import REGIONS

        given = [text.strip() for text in (self.location or "").split(",") if text.strip()]
        return list(REGIONS) if ALL in given else given

    def _missing(self) -> list[str]:
        """The options that Vertex AI takes, and that were not given."""
        return [name for name in ("project", "location") if not getattr(self, name)]

    def _nothing_is_set_up(self) -> ParameterError:
        if self.platform == "vertex":
            missing = self._missing()
            options = " and ".join(f"--{name}" for name in missing)
            variables = " and ".join(f"GOOGLE_CLOUD_{name.upper()}" for name in missing)
            return _parameter_error(
                f"Vertex AI is asked in a project and a location, and {' and '.join(missing)} "
                f"{'is' if len(missing) == 1 else 'are'} missing: pass {options}, or set "
                f"{variables}."
            )
        return _parameter_error(
            "Nothing says where your tuned models are. For the Gemini Developer API set "
            "GOOGLE_API_KEY; for Vertex AI pass --project and --location, or set "
            "GOOGLE_CLOUD_PROJECT and GOOGLE_CLOUD_LOCATION; for the emulator pass --base-url."
        )

    @property
    def is_local(self) -> bool:
        """Whether the API is on this machine: an emulator."""
        from urllib.parse import urlsplit

        host = urlsplit(self.base_url or "").hostname or ""
        return host in {"localhost", "::1"} or host.startswith("127.")

    def service(
        self,
        platform: Platform,
        name: TunedModelName | None = None,
        *,
        upload_to: str | None = None,
    ) -> TunedModelService:
        """The control plane of a platform.

        Args:
            platform: The platform.
            name: The tuned model that it is asked about: on Vertex AI, it is asked where that is.
            upload_to: The folder in Cloud Storage for what a model of Vertex AI is tuned with.

        Raises:
            ParameterError: A key is missing, or would go to an address that nobody vouches for.
        """
        if platform == "vertex":
            from langchain_tuned_gemini.services.vertex import VertexService

            project, location = (name.project, name.location) if name else self._one_location()
            return VertexService(project, location, **self.rights(platform), upload=upload_to)
        rights = self.rights(platform)
        if has_loss_extra():
            from langchain_tuned_gemini.services.generativeai import GenerativeAIService

            return GenerativeAIService(**rights)
        from langchain_tuned_gemini.services.genai import GenAIService

        return GenAIService.from_api_key(**rights)

    def access(self, name: TunedModelName) -> Access:
        """The right to ask for a tuned model."""
        from pydantic import SecretStr

        from langchain_tuned_gemini.transport.access import access_to

        rights = self.rights(name.platform)
        secret = rights.pop("api_key")
        api_key = SecretStr(secret) if secret else None
        return access_to(name, api_key=api_key, credentials=None, **rights)

    def rights(self, platform: Platform) -> dict[str, Any]:
        """What `ChatTunedGemini` and services need besides a name.

        What was not meant for an address goes to Google and to this machine only.
        """
        from langchain_tuned_gemini.errors import ParameterError
        from langchain_tuned_gemini.secrets.trusted_hosts import check_destination

        meant = os.environ.get(KEYS[0])
        try:
            if not meant:
                check_destination(self.base_url)
        except ParameterError as refusal:
            raise ParameterError(
                f"{self.base_url!r} is neither Google's nor this machine's, so it gets no key and "
                f"no credentials that were meant for Google. Set {KEYS[0]} to the one it is to get."
            ) from refusal
        any_key = ANY_KEY if self.is_local else None
        if platform == "vertex":
            has_credentials = "GOOGLE_APPLICATION_CREDENTIALS" in os.environ
            secret = meant or (None if has_credentials else any_key)
        elif (secret := key() or any_key) is None:
            raise ParameterError(
                "The Gemini Developer API needs an API key: set GOOGLE_API_KEY. To try it without "
                "one, run: tuned-gemini emulate, and pass the address that it prints as --base-url."
            )
        return {"api_key": secret, "base_url": self.base_url}

    def _one_location(self) -> tuple[str, str]:
        """A project and a location that may have tuned models; elsewhere a list is empty."""
        if not (self.project and self.location):
            raise self._nothing_is_set_up()
        self._check_that_it_is_one()
        if self.location == "global":
            raise _parameter_error(
                "No tuned model is in the location 'global': each lies in the region that it was "
                "tuned in. Pass that one, for example --location us-central1."
            )
        return self.project, self.location

    def _check_that_it_is_one(self) -> None:
        """Refuses several locations where one is needed."""
        if self.location == ALL or "," in (self.location or ""):
            raise _parameter_error(
                f"--location {self.location} is for list, versions and doctor. What this command "
                "is about lies in one location: pass that."
            )


def _parameter_error(message: str) -> ParameterError:
    """The error, whose module is too heavy for the start of each command."""
    from langchain_tuned_gemini.errors import ParameterError

    return ParameterError(message)


def has_loss_extra() -> bool:
    """Whether the extra is there with which the Developer API tells all of a tuned model."""
    return bool(find_spec("google") and find_spec("google.generativeai"))


def key() -> str | None:
    """The API key of the environment."""
    return next((os.environ[name] for name in KEYS if os.environ.get(name)), None)
