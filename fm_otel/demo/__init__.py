"""A small FaultMaven API that shows what logs look like, and the driver that keeps it busy.

The API is ordinary application code: it uses the public names of ``fm_otel`` and knows nothing
of how its records are written. ``fm-otel demo`` starts it under zero-code launch. Its loggers
bear FaultMaven's names: those below ``fm_otel`` are our own diagnostics and are never captured.
"""
