"""Every setting, declared once: its type, range and help text.

From these models come the flags of the command line, the form in the window and the JSON in a run folder.
A preset is a full set of values, one record in `PRESETS`; what the user gives replaces single ones.
"""

from __future__ import annotations

import pkgutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Self, TypeAlias

from pydantic import Field

from napari_histoclust.core.errors import SettingError
from napari_histoclust.core.settings import ComputeSettings

Schedule = Literal["joint", "staged"]
# Not a Literal of numbers: the command line hands over text, which pydantic turns into a number here.
InputPx = Annotated[int, Field(ge=32, le=64, multiple_of=32)]

DEFAULT_ENCODER = "neighbours"
ENCODERS: tuple[str, ...] = tuple(
    sorted(
        (found.name for found in pkgutil.iter_modules([str(Path(__file__).parent / "model" / "encoders")])),
        key=lambda name: (name != DEFAULT_ENCODER, name),
    )
)
"""Names of the encoders: one file each in `model/encoders`, which is not imported for that."""


class FitSettings(ComputeSettings):
    """How a model is trained. The defaults are the `paper` preset, to the letter."""

    not_deciding: ClassVar[frozenset[str]] = ComputeSettings.not_deciding | {"card"}
    """The card tells of a model and changes nothing in it."""

    patch_px: Annotated[int, Field(ge=4, le=4096)] = Field(
        128, title="Patch side", description="Side of a patch, in px of the slide's full resolution."
    )
    patches: Annotated[int, Field(ge=10)] = Field(
        20_000,
        title="Training patches",
        description="Random tissue positions read, over all slides together.",
    )
    train_share: Annotated[float, Field(gt=0, le=1)] = Field(
        0.75, description="Share of the patches that trains; the rest only watches."
    )
    clusters: Annotated[int, Field(ge=2, le=200)] = Field(
        14, title="Clusters (K)", description="Number of clusters (K)."
    )
    epochs: Annotated[int, Field(ge=1)] = Field(4000, description="Passes over the training patches.")
    batch: Annotated[int, Field(ge=2)] = Field(100, title="Batch size", description="Patches a step.")
    seed: Annotated[int, Field(ge=0, lt=2**32)] = Field(765, description="Start of every random choice.")
    method: Literal["autoencoder", "neighbours"] = Field(
        "autoencoder",
        description="autoencoder: the paper's network, which clusters by itself. neighbours: encoders that "
        "learn what a patch shares with its surroundings, a metric taught by neighbours, and k-means in it.",
    )
    encoder: Annotated[str, Field(min_length=1)] = Field(
        DEFAULT_ENCODER,
        description=f"What describes a patch, for the method neighbours: {', '.join(ENCODERS)}; or a network "
        "of your own, timm:NAME or the path of a TorchScript file. @128 behind it: its pictures' side in px.",
        json_schema_extra={"examples": list(ENCODERS)},
    )
    encoders: Annotated[int, Field(ge=1, le=8)] = Field(
        1,
        description="Encoders trained side by side, where the encoder is one that is trained; more make the "
        "clusters depend less on the seed.",
    )
    metric_axes: Annotated[int, Field(ge=2, le=40)] = Field(
        10, description="Axes of the metric in which k-means looks for clusters."
    )
    schedule: Schedule = Field(
        "joint",
        description="joint: everything at once. staged: autoencoder, then clustering head, then the whole.",
    )
    optimiser: Literal["adadelta", "adam"] = Field("adadelta", description="How the weights are updated.")
    learning_rate: Annotated[float, Field(gt=0)] = Field(0.003, description="Step length of the optimiser.")
    cool_down: bool = Field(
        False, description="Let the learning rate fall to zero along half a cosine; else it is constant."
    )
    input_px: InputPx = Field(
        64, title="Network input", description="Side to which a patch is resized for the network."
    )
    weight_reconstruction: Annotated[float, Field(ge=0)] = Field(1.0, description="Weight of the MSE.")
    weight_marginal: Annotated[float, Field(ge=0)] = Field(
        0.10, description="Weight of the entropy of the mean assignment (pulls clusters to equal size)."
    )
    weight_conditional: Annotated[float, Field(ge=0)] = Field(
        0.03, description="Weight of the mean entropy of the assignments (makes each one decided)."
    )
    weight_consistency: Annotated[float, Field(ge=0)] = Field(
        0.03, description="Weight of the divergence between a patch and its augmented view."
    )
    rotation_deg: Annotated[float, Field(ge=0, le=180)] = Field(5.0, description="Largest random rotation.")
    shift: Annotated[float, Field(ge=0, le=0.5)] = Field(
        0.05, description="Largest random shift (share of side)."
    )
    surround: Annotated[float, Field(ge=0, le=1)] = Field(
        0.0,
        description="Tissue read around each training patch (share of side), onto which its second view is "
        "shifted; without it the mean colour is what lies outside.",
    )
    scale: Annotated[float, Field(ge=0, lt=0.5)] = Field(0.05, description="Largest random change of scale.")
    per_stain_affine: bool = Field(
        True, description="Draw the affine for each stain by itself, as the paper does."
    )
    flips: bool = Field(False, description="Also mirror and turn by quarters, all stains alike.")
    od_jitter: Annotated[float, Field(ge=0, lt=1)] = Field(
        0.0, title="Stain jitter", description="Largest relative change of a stain's optical density."
    )
    od_offset: Annotated[float, Field(ge=0, lt=1)] = Field(
        0.0,
        title="Stain offset",
        description="Largest change added to a stain's optical density, in units of its tissue's strength.",
    )
    stain_dropout: Annotated[float, Field(ge=0, lt=1)] = Field(
        0.0, description="Chance that a stain is left out of a view, so that a slide may lack it."
    )
    min_tissue: Annotated[float, Field(ge=0, le=1)] = Field(
        0.5, description="Smallest tissue fraction of a patch that is used."
    )
    min_valid: Annotated[float, Field(ge=0, le=1)] = Field(
        0.75, description="Smallest share of a patch that every stain must cover (no hole, no padding)."
    )

    card: bool = Field(
        True,
        title="Robustness card",
        description="Measure after the training how many patches keep their cluster when light, stain, place "
        "or sharpness change, or a stain is missing (method neighbours; some seconds).",
    )

    @classmethod
    def resolve(cls, preset: Preset, given: FitSettings | None = None) -> Self:
        """Return the preset with the fields that `given` sets explicitly put in place of its own.

        The result is of the class on which this is called, so `RunSettings` keeps the mapping's settings.

        Raises
        ------
        HistoclustError
            If the preset is unknown or the values contradict each other.
        """
        if preset not in PRESETS:
            raise SettingError("{preset} {}: unknown, choose one of {}.", preset, ", ".join(PRESETS))
        named = given.model_fields_set & set(cls.model_fields) if given is not None else set()
        values = PRESETS[preset].settings.model_dump() | {name: getattr(given, name) for name in named}
        settings = cls.model_validate(values)
        settings.check()
        return settings

    def check(self) -> None:
        """Raise HistoclustError where two settings contradict each other."""
        if self.method == "autoencoder" and self.encoder != DEFAULT_ENCODER:
            raise SettingError(
                "{encoder} {}: the method autoencoder has an encoder of its own: choose the {preset} robust, "
                "or leave the encoder out.",
                self.encoder,
            )
        if self.method == "neighbours" and self.surround != 0.5:
            raise SettingError(
                "{surround} {:g}: the method neighbours reads half a patch around each: leave it at 0.5.",
                self.surround,
            )
        training = int(self.patches * self.train_share)
        if training < self.batch:
            raise SettingError(
                "{patches} {}: only {} of them train (train share {}), fewer than one batch of {}: give more "
                "patches or a smaller {batch}.",
                self.patches,
                training,
                self.train_share,
                self.batch,
            )
        if training < 2 * self.clusters:
            raise SettingError(
                "{clusters} {}: too many for {} training patches: give more {patches}.",
                self.clusters,
                training,
            )


AllowMissing = Annotated[
    bool,
    Field(
        title="Allow a missing stain",
        description="Also label what lacks one or two of the model's stains, as well as the others tell.",
    ),
]


class MapSettings(ComputeSettings):
    """How a trained model is applied to a slide."""

    not_deciding: ClassVar[frozenset[str]] = ComputeSettings.not_deciding | {"allow_missing"}
    """Which stains a slide has decides; that it may lack some does not."""

    patch_px: Annotated[int, Field(ge=4, le=4096)] | None = Field(
        None,
        title="Patch side",
        description="Side of a patch in px of this slide's full resolution, where the model's own does not "
        "fit and the physical sizes are unknown; the model's own if not given.",
    )
    stride_px: Annotated[int, Field(ge=1)] | None = Field(
        None, description="Distance between patches in px of full resolution; the patch side if not given."
    )
    min_tissue: Annotated[float, Field(ge=0, le=1)] = Field(
        0.5, description="Smallest tissue fraction of a patch that is labelled."
    )
    min_valid: Annotated[float, Field(ge=0, le=1)] = Field(
        0.75, description="Smallest share of a patch that every stain must cover (no hole, no padding)."
    )
    allow_missing: AllowMissing = False


class RunSettings(FitSettings):
    """What the whole job takes: the training's settings and the mapping's."""

    not_deciding: ClassVar[frozenset[str]] = FitSettings.not_deciding | MapSettings.not_deciding

    allow_missing: AllowMissing = False
    stride_px: Annotated[int, Field(ge=1)] | None = Field(
        None,
        description="Distance between mapped patches in px of full resolution; the patch side if not given.",
    )

    def for_map(self) -> MapSettings:
        """Return the part that the mapping takes."""
        fields = set(MapSettings.model_fields) - {"patch_px"}  # the model knows it
        return MapSettings.model_validate(self.model_dump(include=fields))


@dataclass(frozen=True)
class PresetRecord:
    """A named, full set of training settings, and what the help says of it."""

    help: str
    settings: FitSettings


PRESETS: dict[str, PresetRecord] = {
    "robust": PresetRecord(
        "encoders taught by neighbouring patches (minutes on a CPU).",
        FitSettings(
            method="neighbours",
            encoders=3,
            patches=2_500,
            train_share=0.9,
            epochs=24,
            batch=128,
            optimiser="adam",
            learning_rate=0.002,
            cool_down=True,
            input_px=32,
            rotation_deg=0,
            scale=0,
            shift=0.5,
            surround=0.5,
            flips=True,
            per_stain_affine=False,
            od_jitter=0.2,
            od_offset=0.03,
            stain_dropout=0.15,
        ),
    ),
    "paper": PresetRecord("the published settings (days on a CPU).", FitSettings()),
    "quick": PresetRecord(
        "the paper's network in minutes on a CPU.",
        FitSettings(
            patches=2_000,
            train_share=0.9,
            epochs=20,
            batch=50,
            optimiser="adam",
            learning_rate=0.002,
            cool_down=True,
            input_px=32,
            weight_marginal=0.5,
            weight_conditional=0.5,
            weight_consistency=0.75,
            shift=0.49,
            surround=0.5,
            flips=True,
            per_stain_affine=False,
            od_jitter=0.1,
        ),
    ),
}
PRESET_HELP = " ".join(f"{name}: {preset.help}" for name, preset in PRESETS.items())

if TYPE_CHECKING:
    Preset: TypeAlias = str
else:
    Preset = Literal[tuple(PRESETS)]
