"""Every number that shapes a result (`Study`), and apart from it where it is computed (`Runtime`)."""

from math import prod
from pathlib import Path
from string import ascii_uppercase, digits
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from charrec.paths import at_home


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)  # JSON has no such numbers


UNCOUNTED = object()  # marks a field that no identity counts: where something lies, what it is called


def _drawable(text: str) -> str:
    """New data shows capitals or digits, from two different sets."""
    if not (text and (set(text) <= set(ascii_uppercase) or set(text) <= set(digits))):
        raise ValueError(f"found {text!r}; expected capitals A-Z only, or digits only: the new data has no others")
    return text


def _divides_128(size: int) -> int:
    if 128 % size:
        raise ValueError(f"found {size}; expected 32, 64 or 128, the packed images' 128 px or a whole part of it")
    return size


def _ascending(values: tuple[float, ...]) -> tuple[float, ...]:
    """In order, so that equal spaces make equal studies."""
    if twice := [value for value in values if values.count(value) > 1]:
        raise ValueError(f"found {twice[0]!r} {values.count(twice[0])} times; expected each value once")
    return tuple(sorted(values))


def _some(values: tuple[float, ...]) -> tuple[float, ...]:
    """Asked for here, or a value out of bounds would be followed by the error that none is left."""
    if not values:
        raise ValueError("found no value; expected at least one")
    return values


def _nameable(path: str) -> str:
    """The path as it is written, which the report repeats; whoever opens it replaces ~."""
    at_home(path)
    return path


def _at_home(path: Any) -> Any:
    return at_home(str(path)) if isinstance(path, str | Path) else path


# Bounds are far above what makes sense, and low enough that a slip of the finger does not fill a memory or take years.
Text = Annotated[str, Field(max_length=100), AfterValidator(_drawable)]
Precision = Literal["auto", "float32", "mixed_bfloat16"]
Seed = Annotated[int, Field(ge=0, lt=2**31)]
Count = Annotated[int, Field(ge=1, le=10_000_000)]  # of images or fonts
Epochs = Annotated[int, Field(ge=1, le=10_000)]
EpochsOrNone = Annotated[int, Field(ge=0, le=10_000)]
Weight = Annotated[float, Field(gt=0, le=1e6)]
Processes = Annotated[int, Field(ge=1, le=1000)]
Size = Annotated[int, Field(ge=1, le=4096)]  # of a layer, as in a ConvNet, like the next two
Share = Annotated[float, Field(ge=0, lt=1)]
Rate = Annotated[float, Field(gt=0, le=1)]
Different = Field(max_length=100, json_schema_extra={"uniqueItems": True})
Some = Field(max_length=100, json_schema_extra={"uniqueItems": True, "minItems": 1})
Sizes = Annotated[tuple[Size, ...], Some, AfterValidator(_some), AfterValidator(_ascending)]
Shares = Annotated[tuple[Share, ...], Some, AfterValidator(_some), AfterValidator(_ascending)]
RatesOrNone = Annotated[tuple[Rate, ...], Different, AfterValidator(_ascending)]
DataPath = Annotated[str, AfterValidator(_nameable)]


class Data(Frozen):
    """Three sources: `kaggle:owner/slug[/version]`, a folder or archive, or what ships with the project."""

    glyphs: DataPath = Field("kaggle:supreethrao/chars74kdigitalenglishfont", description="62 classes; or 'fonts'")
    letters: DataPath = Field(
        "kaggle:thomasqazwsxedc/alphabet-characters-fonts-dataset", description="new A-Z; or 'fonts'"
    )
    digits: DataPath = Field("kaggle:hojjatk/mnist-dataset", description="new 0-9; or 'sklearn'")
    fonts: Count | None = Field(None, description="use only so many fonts, evenly chosen")
    letters_per_class: Count = Field(100, description="the seeded sample of new letters")


EMBEDDED = {"glyphs": "fonts", "letters": "fonts", "digits": "sklearn"}  # installed with the project


class Choices(Frozen):
    """The values from which the search takes each hyperparameter of network 4; the deck's, with its names."""

    filters_hp_1: Sizes = Field((16, 32), description="of the first convolution, as 16,32")
    filters_hp_2: Sizes = Field((16, 32), description="of the second")
    filters_hp_3: Sizes = Field((16, 32, 48, 64), description="of the third")
    dropout: Shares = Field((0.3, 0.4, 0.5, 0.6, 0.7), description="shares of activations left out in training")
    units: Sizes = Field(tuple(range(256, 512 + 1, 32)), description="of the hidden layer")
    learning_rate: RatesOrNone = Field(
        (),
        exclude_if=lambda rates: not rates,
        description="of Adam, as 0.0003,0.001; empty: the deck's 0.001",
    )

    @model_validator(mode="before")
    @classmethod
    def _known(cls, values: Any) -> Any:
        if isinstance(values, dict) and (unknown := [str(name) for name in values if name not in cls.model_fields]):
            raise ValueError(f"found {', '.join(unknown)[:100]!r}; expected some of {', '.join(cls.model_fields)}")
        return values

    @property
    def searched(self) -> dict[str, tuple[float, ...]]:
        """The hyperparameters that have values."""
        return {name: values for name, values in self if values}

    @property
    def points(self) -> int:
        return prod(map(len, self.searched.values()))


class Search(Frozen):
    """A Hyperband search as Keras Tuner defines it."""

    max_epochs: Annotated[int, Field(ge=1, le=243)] = Field(
        10, description="at most 243, which takes 415 configurations"
    )
    factor: Annotated[int, Field(ge=2, le=243)] = 3
    images: Count | None = Field(None, description="search on so many training images; none: all")
    space: Choices = Field(
        Choices(),
        exclude_if=lambda space: space == Choices(),  # nor counted: it was the only one once
        description="the deck's, or another as a JSON object of lists, in a file or here",
    )


class Kinds(Frozen):
    """What is known of a text before it is read as one kind."""

    digits: Weight = Field(1.0, description="prior weight of texts of digits")
    capitals: Weight = Field(1.0, description="of capitals")
    small_letters: Weight = Field(1.0, description="of small letters")
    temperature: Annotated[float, Field(gt=0, le=100)] | None = Field(
        None, description="of the probabilities that choose the kind; none: the network's own; 2 trusts each glyph less"
    )


class Study(Frozen):
    """What is computed: two equal studies on equal data have equal results."""

    seed: Seed = 123
    data: Data = Data()
    image_size: Annotated[int, Field(ge=32, le=128), AfterValidator(_divides_128)] = Field(
        128, description="px: 32, 64 or 128"
    )
    image_channels: Literal[1, 3] = Field(1, description="the images are grey; 3 repeats the channel")
    split: Literal["random", "font"] = Field("random", description="the deck's, or whole font groups apart")
    validation_fraction: Annotated[float, Field(gt=0, lt=1)] = 0.2
    batch_size: Annotated[int, Field(ge=1, le=65_536)] = Field(64, description="images per step")
    precision: Precision = Field("auto", description="auto: mixed_bfloat16 where a probe shows that it pays")
    epochs_model_1: Epochs = 15
    epochs_model_2: Epochs = 15
    epochs_model_3: Epochs = 15
    epochs_model_4: Epochs = Field(20, description="of the best network that the search finds")
    epochs_model_5: EpochsOrNone = Field(32, description="of this project's own network, at 32 px; 0: without it")
    search: Search = Search()
    texts: tuple[Text, ...] = Field(("APR", "2023"), max_length=100, description="drawn from the new data, as APR,2023")
    kinds: Kinds = Kinds()


FULL = Study()

# The same steps for 2 cores without a GPU: every class, smaller images, fewer fonts, few epochs.
QUICK = Study(
    data=Data(fonts=64, letters_per_class=20),
    image_size=32,
    epochs_model_1=8,
    epochs_model_2=8,
    epochs_model_3=8,
    epochs_model_4=10,
    epochs_model_5=0,
    search=Search(max_epochs=4, factor=3, images=4000),
)

STUDIES = {"full": FULL, "quick": QUICK}


class Runtime(Frozen):
    """Where it is computed; nothing here changes a result."""

    store: Annotated[str, AfterValidator(at_home)] = Field("results", description="a folder, or s3://bucket/prefix")
    endpoint: Annotated[str, Field(min_length=1, max_length=4096)] | None = Field(
        None, description="URL of an S3-compatible server"
    )
    cache: Annotated[Path, BeforeValidator(_at_home)] = Field(
        Path(".cache"), description="local downloads and copies; may be deleted"
    )
    current_data: bool = Field(False, description="ask Kaggle for new versions, as retrainings do; else the cache's")
    devices: Literal["auto", "cpu", "gpu"] = "auto"
    workers: Processes | None = Field(None, description="trainings at once; none: as many as the devices take")
    workers_per_device: Processes = Field(1, description="trainings at once on one device; they share its memory")
    lease: Annotated[float, Field(ge=1, le=86_400)] = Field(
        60.0, description="seconds of silence after which a sweep worker's trial is another's"
    )
    sweep_workers: Processes = Field(8, description="most sweep workers at once on a work pool")
