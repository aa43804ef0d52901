"""What the numbers of a record that was read from outside must keep to.

Nothing else checks them: inside the process, they are right by construction.
"""

from __future__ import annotations

from typing import Annotated, TypeAlias

from pydantic import Field

Count: TypeAlias = Annotated[int, Field(ge=0, le=2**53)]
Time: TypeAlias = Annotated[float, Field(allow_inf_nan=False)]
Duration: TypeAlias = Annotated[float, Field(allow_inf_nan=False, ge=0)]
