"""An invented timeline: three workers take turns at a search's trials, one is lost, one gives a trial back."""

from charrec.results import Stretch, Timeline, TrialRow

BEGAN = "2026-11-22T19:02:11+00:00"
LEASE = 62.0  # seconds from a last sign of life until another worker has the trial
STARTUP = 20.0


def timeline(trials: tuple[TrialRow, ...], workers: int = 3) -> Timeline:
    """Each trial goes to the worker that is free first, in the order of their names."""
    free = {f"desk-{1000 + n}-{n:06x}": 2.0 * n for n in range(workers)}
    ended: dict[int, float] = {}  # configuration -> when its latest trial did
    stretches: list[Stretch] = []

    def work(trial: TrialRow, how: str, seconds: float, epochs: int | None) -> str:
        worker = min(free, key=lambda name: free[name])
        begin = max(free[worker], ended.get(trial.configuration, 0.0))
        end = round(begin + seconds, 1)
        own = trial.model_dump(include={"trial", "configuration", "bracket", "rung"})
        after = None if epochs is None else trial.epochs
        stretches.append(
            Stretch.model_validate(
                {**own, "worker": worker, "begin": round(begin, 1), "end": end, "how": how}
                | {"epochs": epochs, "after": after}
            )
        )
        free[worker], ended[trial.configuration] = end + 0.4, end
        return worker

    for place, trial in enumerate(sorted(trials, key=lambda one: one.trial)):
        if place == 4:
            lost = work(trial, "lost", 6.3, 0)
            free[f"{lost}a"] = free.pop(lost) + STARTUP
            ended[trial.configuration] += LEASE
        if place == 10:
            work(trial, "given back", 4.0, 0)
        work(trial, "failed" if trial.state == "FAILED" else "completed", trial.seconds + 2, None)
    ordered = sorted(stretches, key=lambda one: (one.begin, one.worker))
    return Timeline(began=BEGAN, stretches=tuple(ordered))
