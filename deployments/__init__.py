"""charrec's configuration of a Prefect server."""
