"""Encrypted payloads for Aide-De-Camp."""
