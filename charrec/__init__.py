"""Character recognition as a study: data, five networks, a sweep, a report."""
