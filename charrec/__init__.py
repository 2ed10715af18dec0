"""Character recognition as a study: data, four networks, a sweep, a report."""
