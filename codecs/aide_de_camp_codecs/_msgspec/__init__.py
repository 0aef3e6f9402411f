"""What the JSON and the MessagePack codec share: both are built on msgspec."""
