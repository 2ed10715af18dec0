"""The study's steps as Prefect tasks: retries, devices, states that say what was found done."""
