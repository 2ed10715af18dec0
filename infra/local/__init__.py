"""The whole deployment as processes on one machine."""
