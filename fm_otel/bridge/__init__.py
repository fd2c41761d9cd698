"""From stdlib ``logging`` to the engine."""
