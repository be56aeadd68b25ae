"""What Schemathesis does not know by itself of our API."""

import schemathesis


@schemathesis.serializer("application/offset+octet-stream")
def bytes_of_an_upload(_context, value):
    """What `PATCH` of tus brings: any bytes."""
    return value if isinstance(value, bytes) else str(value).encode()


@schemathesis.hook
def map_body(_context, body):
    """1.0 is an integer to JSON Schema, and none to programs with integers: it is sent as 1."""
    return whole(body)


def whole(value):
    if isinstance(value, dict):
        return {key: whole(one) for key, one in value.items()}
    if isinstance(value, list):
        return [whole(one) for one in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
