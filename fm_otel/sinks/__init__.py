"""Sinks: encoded records to one destination each."""
