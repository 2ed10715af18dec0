"""A search space as data: what Keras Tuner's `hp` calls declare, or what is typed; and what a point of it is."""

from collections.abc import Mapping, Sequence
from math import inf, log
from typing import TYPE_CHECKING, Any, Literal, Self

from charrec.study import Frozen

if TYPE_CHECKING:
    import keras_tuner as kt

Value = bool | int | float | str
Values = Mapping[str, Value]
ROUNDING = 1e-8  # Keras Tuner computes values by powers


class Condition(Frozen):
    """A dimension exists only where another one has one of these values."""

    name: str
    values: tuple[Value, ...]


class Dimension(Frozen):
    """One hyperparameter, by Keras Tuner's words."""

    name: str
    kind: Literal["Choice", "Int", "Float", "Boolean", "Fixed"]
    values: tuple[Value, ...] = ()  # of Choice; the one of Fixed
    ordered: bool | None = None  # of Choice
    min_value: float | int | None = None  # of Int and Float, like the next three
    max_value: float | int | None = None
    step: float | int | None = None
    sampling: str | None = None
    conditions: tuple[Condition, ...] = ()

    def exists(self, values: Values) -> bool:
        """Whether all its conditions hold."""
        return all(one.name in values and _among(values[one.name], one.values) for one in self.conditions)

    def allows(self, value: Value) -> bool:
        """Whether it can have this value; 256.0 is not 256."""
        match self.kind:
            case "Choice" | "Fixed":
                return _among(value, self.values)
            case "Boolean":
                return isinstance(value, bool)
        if not isinstance(value, int if self.kind == "Int" else float) or isinstance(value, bool):
            return False
        low, high = self.bounds
        return low - ROUNDING * abs(low) <= float(value) <= high + ROUNDING * abs(high)

    @property
    def bounds(self) -> tuple[float, float]:
        assert self.min_value is not None and self.max_value is not None  # Int and Float have them
        return self.min_value, self.max_value

    def points(self) -> Sequence[Value] | None:
        """Its values; None: they cannot be counted."""
        match self.kind:
            case "Choice" | "Fixed":
                return self.values
            case "Boolean":
                return (False, True)
        low, high = self.bounds
        if self.step is None:
            return range(int(low), int(high) + 1) if self.kind == "Int" else None
        if self.sampling == "linear":
            steps = [low + number * self.step for number in range(int((high - low) // self.step) + 1)]
        else:
            steps = [low * self.step**number for number in range(int(log(high / low, self.step) + ROUNDING) + 1)]
            steps = steps if self.sampling == "log" else [high + low - each for each in steps]
        return [int(each) for each in steps] if self.kind == "Int" else steps

    def config(self) -> dict[str, Any]:
        """As Keras Tuner writes it."""
        conditions = [
            {"class_name": "Parent", "config": {"name": one.name, "values": list(one.values)}}
            for one in self.conditions
        ]
        config: dict[str, Any] = {"name": self.name, "conditions": conditions}
        if self.kind == "Choice":
            config |= {"values": list(self.values), "ordered": self.ordered}
        elif self.kind == "Fixed":
            config["value"] = self.values[0]
        elif self.kind != "Boolean":
            config |= {name: getattr(self, name) for name in ("min_value", "max_value", "step", "sampling")}
        return {"class_name": self.kind, "config": config}


class Space(Frozen):
    """The dimensions, a conditional one after those that it depends on."""

    dimensions: tuple[Dimension, ...]

    @classmethod
    def of_choices(cls, choices: Mapping[str, tuple[Value, ...]]) -> Self:
        """A typed space: each name has one of its values."""
        return cls(
            dimensions=tuple(
                Dimension(name=name, kind="Choice", values=values, ordered=not isinstance(values[0], str | bool))
                for name, values in choices.items()
            )
        )

    @classmethod
    def of(cls, hp: "kt.HyperParameters") -> Self:
        """What `hp` calls declared."""
        return cls(dimensions=tuple(_declared(one) for one in hp.space))

    def tuner(self) -> "kt.HyperParameters":
        """As Keras Tuner has it."""
        import keras_tuner as kt

        return kt.HyperParameters.from_config({"space": [one.config() for one in self.dimensions], "values": {}})

    def holds(self, values: Values) -> bool:
        """Whether they are a point of it: a value of each dimension that exists there, and no other."""
        here = [one for one in self.dimensions if one.exists(values)]
        return values.keys() == {one.name for one in here} and all(
            any(one.allows(value) for one in here if one.name == name) for name, value in values.items()
        )

    def size(self, most: int) -> float:
        """The number of its points; infinite where it is above `most` or a dimension is continuous."""
        parents = {condition.name for one in self.dimensions for condition in one.conditions}

        def count(rest: tuple[Dimension, ...], values: dict[str, Value]) -> float:
            if not rest:
                return 1
            first, *others = rest
            if not first.exists(values):
                return count(tuple(others), values)
            points = first.points()
            if points is None:
                return inf
            if first.name not in parents:
                return len(points) * count(tuple(others), values)
            total: float = 0
            for value in points:
                total += count(tuple(others), values | {first.name: value})
                if total > most:
                    return inf
            return total

        found = count(self.dimensions, {})
        return found if found <= most else inf


def _declared(hp: Any) -> Dimension:
    config = hp.get_config()
    kind = type(hp).__name__
    conditions = tuple(
        Condition(name=one["config"]["name"], values=tuple(one["config"]["values"])) for one in config["conditions"]
    )
    values = tuple(config["values"]) if kind == "Choice" else (config["value"],) if kind == "Fixed" else ()
    numbers = {name: config.get(name) for name in ("ordered", "min_value", "max_value", "step", "sampling")}
    return Dimension(name=hp.name, kind=kind, values=values, conditions=conditions, **numbers)


def _among(value: Value, values: tuple[Value, ...]) -> bool:
    return any(type(value) is type(one) and value == one for one in values)
