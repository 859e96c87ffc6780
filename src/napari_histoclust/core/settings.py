"""What all settings have in common, and those of every computation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from napari_histoclust.core.errors import HistoclustError

Device = Literal["auto", "cpu", "cuda", "mps"]
Precision = Literal["auto", "float32", "bfloat16", "float16"]


class Settings(BaseModel):
    """Base of all settings: frozen, and unknown names are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ComputeSettings(Settings):
    """Where and how precisely to compute."""

    not_deciding: ClassVar[frozenset[str]] = frozenset({"device", "cache_mib"})
    """Settings that say how a result is computed and never what it is."""

    device: Device = Field("auto", description="Where to compute; auto: the graphics card, else the CPU.")
    precision: Precision = Field(
        "auto",
        description="Arithmetic. auto: 16-bit where the processor multiplies it natively and it trains as "
        "well, 32-bit elsewhere.",
    )
    cache_mib: Annotated[int, Field(ge=1)] | None = Field(
        None,
        title="Tile cache (MiB)",
        description="Most memory, in MiB, that decoded tiles of all slides may take together; if not given, "
        "what HISTOCLUST_CACHE_MIB says, else 256.",
    )

    def identity(self, *free: str) -> dict[str, Any]:
        """Return the settings that decide the result, but for those in `free`, as JSON."""
        return self.model_dump(mode="json", exclude={*self.not_deciding, *free})


S = TypeVar("S", bound=Settings)


def checked(cls: type[S], values: Mapping[str, object]) -> S:
    """Build settings from names and values.

    Raises
    ------
    HistoclustError
        At the first name that is unknown or value that is out of range; names the setting.
    """
    try:
        return cls.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise HistoclustError(f"{where}={first['input']!r}: {first['msg'].lower()}.") from error
