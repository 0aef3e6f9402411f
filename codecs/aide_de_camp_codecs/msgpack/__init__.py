"""The codec `msgpack`: the same payloads as `json`, smaller."""
