"""The codec `json`, which is the default: readable, typed and strict."""
