"""What Prefect's server is told of charrec."""
