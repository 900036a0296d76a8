"""What every wire model shares: unknown fields are kept, unknown values are text, nothing changes after reading."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict


class Wire(BaseModel):
    """Base of all bodies: extra fields stay reachable in `model_extra`."""

    model_config = ConfigDict(extra="allow", frozen=True, populate_by_name=True, protected_namespaces=())


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else "" if value is None else str(value)


def _as_optional_text(value: Any) -> str | None:
    return None if value is None or value == "" else _as_text(value)


# Foreign values are read for what they are, never refused for what they should have been.
Text = Annotated[str, BeforeValidator(_as_text)]
OptionalText = Annotated[str | None, BeforeValidator(_as_optional_text)]
