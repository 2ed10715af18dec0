"""A recipe and images in, a history and weights out; resumable at every epoch and every step."""
