"""The whole study: data, three networks, a search for the fourth, what they read, a report."""

from prefect import flow

from charrec.memo import Outcome
from charrec.models import MODELS
from charrec.steps.reporting import Stored
from charrec.study import QUICK, Runtime, Study
from tasks import steps
from tasks.devices import Devices

HERE = Runtime()


@flow(name="charrec", flow_run_name="study seed {study.seed}", persist_result=False)
def full_study(study: Study = QUICK, runtime: Runtime = HERE) -> str:
    """Run the study, or what is left of it; returns the key of its report in the store."""
    with Devices(runtime) as devices:
        sets = [steps.pack.submit(role, study, runtime) for role in ("glyphs", "letters", "digits")]
        steps.results(sets)  # bad data ends the study here
        glyphs, letters, digits = sets
        precision = steps.choose_precision.submit(devices, study, runtime)
        *first, last = MODELS
        trainings = [steps.train.submit(devices, model, study, glyphs, precision, runtime) for model in first]
        sweep = [
            steps.search.with_options(task_run_name=f"sweep worker {number}").submit(
                devices, study, glyphs, precision, runtime
            )
            for number in range(1, len(devices) + 1)
        ]
        found = sweep[0]
        trainings.append(steps.train.submit(devices, last, study, glyphs, precision, runtime, found))
        augmented = steps.augment.submit(devices, study, glyphs, runtime)
        predictions = [
            steps.predict.submit(devices, training, study, glyphs, letters, digits, runtime) for training in trainings
        ]
        findings = [
            steps.find.submit(read, model, study, glyphs, letters, digits, runtime)
            for model, read in zip(MODELS, predictions, strict=True)
        ]
        report = steps.report.submit(
            {
                "glyphs": glyphs,
                "letters": letters,
                "digits": digits,
                "precision": precision,
                "search": found,
                "trainings": trainings,
                "predictions": predictions,
                "findings": findings,
                "augmented": augmented,
            },
            study,
            runtime,
        )
        everything = [*sets, precision, *trainings, *sweep, augmented, *predictions, *findings, report]
        reported: Outcome[Stored] = steps.results(everything)[-1]
        return reported.value.files[0]


if __name__ == "__main__":
    from flows.command_line import main

    main(full_study)
