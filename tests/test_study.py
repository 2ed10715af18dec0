"""The study is data: checked when it is made, never changed."""

import pytest
from pydantic import ValidationError

from charrec.alphabet import CLASSES
from charrec.study import EMBEDDED, FULL, QUICK, STUDIES, Data, Runtime, Search, Study

pytestmark = pytest.mark.filterwarnings("error")

ISSUE = {
    "seed": 123,
    "image_size": 128,
    "image_channels": 1,
    "split": "random",
    "validation_fraction": 0.2,
    "batch_size": 64,
    "precision": "auto",
    "epochs_model_1": 15,
    "epochs_model_2": 15,
    "epochs_model_3": 15,
    "epochs_model_4": 20,
    "epochs_model_5": 32,
    "search": {"max_epochs": 10, "factor": 3, "images": None},
    "texts": ("APR", "2023"),
    "data": {
        "glyphs": "kaggle:supreethrao/chars74kdigitalenglishfont",
        "letters": "kaggle:thomasqazwsxedc/alphabet-characters-fonts-dataset",
        "digits": "kaggle:hojjatk/mnist-dataset",
        "fonts": None,
        "letters_per_class": 100,
    },
    "kinds": {"digits": 1.0, "capitals": 1.0, "small_letters": 1.0, "temperature": None},
}


@pytest.mark.parametrize("field", sorted(ISSUE))
def test_the_full_study_has_the_numbers_of_the_issue(field: str) -> None:
    assert FULL.model_dump()[field] == ISSUE[field]


def test_the_full_study_has_no_other_numbers() -> None:
    assert set(FULL.model_dump()) == set(ISSUE)


def test_the_quick_study_has_the_same_steps_only_smaller() -> None:
    quick, full = QUICK.model_dump(), FULL.model_dump()
    assert set(quick) == set(full)
    same = ("seed", "image_channels", "split", "validation_fraction", "batch_size", "precision", "texts", "kinds")
    assert {name: quick[name] for name in same} == {name: full[name] for name in same}
    for name in ("image_size", "epochs_model_1", "epochs_model_2", "epochs_model_3", "epochs_model_4"):
        assert 1 < quick[name] < full[name], name
    assert quick["epochs_model_5"] == 0, "it does not fit into the time of a quick study"
    assert 1 < QUICK.search.max_epochs < FULL.search.max_epochs


def test_the_quick_study_cuts_fonts_never_classes() -> None:
    assert QUICK.data.model_dump(exclude={"fonts", "letters_per_class"}) == FULL.data.model_dump(
        exclude={"fonts", "letters_per_class"}
    )
    assert QUICK.data.fonts
    assert len(CLASSES) == len(set(CLASSES)) == 62
    assert not {name for name in (*Study.model_fields, *Data.model_fields) if "class" in name} - {"letters_per_class"}


def test_the_studies_are_known_by_their_names() -> None:
    assert STUDIES == {"full": FULL, "quick": QUICK}


@pytest.mark.parametrize(
    "misspelt",
    [{"sed": 1}, {"data": {"glyps": "fonts"}}, {"search": {"max_epoch": 3}}],
)
def test_a_misspelt_field_is_refused(misspelt: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        Study.model_validate(misspelt)


@pytest.mark.parametrize("text", ["apr", "ApR", "AP2", "A R", "", "Ä", "20²"])
def test_a_text_that_cannot_be_drawn_is_refused_with_what_could(text: str) -> None:
    with pytest.raises(ValidationError) as raised:
        Study(texts=(text,))
    assert f"found {text!r}; expected capitals A-Z only, or digits only" in str(raised.value)


@pytest.mark.parametrize("texts", [("A",), ("0",), ("ABCXYZ", "0123456789"), ()])
def test_capitals_or_digits_can_be_drawn(texts: tuple[str, ...]) -> None:
    assert Study(texts=texts).texts == texts


def test_an_image_size_that_is_no_part_of_128_is_refused_with_those_that_are() -> None:
    with pytest.raises(ValidationError, match="found 48; expected 32, 64 or 128"):
        Study(image_size=48)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("image_size", 16),
        ("image_size", 256),
        ("image_channels", 2),
        ("seed", -1),
        ("seed", 2**31),
        ("validation_fraction", 0),
        ("validation_fraction", 1),
        ("batch_size", 0),
        ("epochs_model_1", 0),
        ("split", "fonts"),
        ("precision", "float16"),
        ("search", {"factor": 1}),
        ("search", {"images": 0}),
        ("data", {"fonts": 0}),
    ],
)
def test_a_value_out_of_range_is_refused_by_its_field(field: str, value: object) -> None:
    with pytest.raises(ValidationError) as raised:
        Study.model_validate({field: value})
    assert {error["loc"][0] for error in raised.value.errors()} == {field}


@pytest.mark.parametrize("model", [FULL, FULL.data, FULL.search, Runtime()])
def test_nothing_changes_a_study(model: Study | Data | Search | Runtime) -> None:
    field = next(iter(type(model).model_fields))
    with pytest.raises(ValidationError, match="frozen"):
        setattr(model, field, getattr(model, field))


@pytest.mark.parametrize("study", [FULL, QUICK, Study(texts=(), data=Data.model_validate(EMBEDDED))])
def test_a_study_is_the_same_after_json(study: Study) -> None:
    assert Study.model_validate_json(study.model_dump_json()) == study


def test_where_it_runs_is_no_part_of_the_study() -> None:
    assert not set(Study.model_fields) & set(Runtime.model_fields)
