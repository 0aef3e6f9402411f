"""The payload codecs that ship with Aide-De-Camp, each found through its entry point."""
