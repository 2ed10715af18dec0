"""The steps as Prefect tasks: retries, devices, and states that say what was recalled."""
