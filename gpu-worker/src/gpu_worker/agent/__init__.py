"""The agent: the only code that starts and watches Ray jobs, actors and nodes."""
