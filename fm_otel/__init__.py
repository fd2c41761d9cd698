"""OpenTelemetry-native logs for Python services."""
