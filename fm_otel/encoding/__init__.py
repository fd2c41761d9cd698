"""Encoders: facts to the bytes a sink moves."""
