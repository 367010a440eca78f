"""Tools of the MCP upstream for tests whose results are always the same, and the definitions of all."""

import base64
import struct
from typing import Any

JSON = dict[str, Any]

_PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg=="
_WAV = base64.b64encode(
    b"RIFF"
    + struct.pack("<I", 38)
    + b"WAVEfmt "
    + struct.pack("<IHHIIHH", 16, 1, 1, 8000, 16000, 2, 16)
    + b"data"
    + struct.pack("<I", 2)
    + b"\0\0"
).decode()
_IMAGE = {"type": "image", "data": _PNG, "mimeType": "image/png"}


def _resource(uri: str, media_type: str, words: str) -> JSON:
    return {"type": "resource", "resource": {"uri": uri, "mimeType": media_type, "text": words}}


def _words(words: str) -> JSON:
    return {"type": "text", "text": words}


CONTENTS: dict[str, JSON] = {
    "test_simple_text": {"content": [_words("This is a simple text response for testing.")]},
    "test_image_content": {"content": [_IMAGE]},
    "test_audio_content": {"content": [{"type": "audio", "data": _WAV, "mimeType": "audio/wav"}]},
    "test_embedded_resource": {
        "content": [
            _resource("test://embedded-resource", "text/plain", "This is an embedded resource content.")
        ]
    },
    "test_multiple_content_types": {
        "content": [
            _words("Multiple content types test:"),
            _IMAGE,
            _resource("test://mixed-content-resource", "application/json", '{"test":"data","value":123}'),
        ]
    },
    "test_error_handling": {
        "isError": True,
        "content": [_words("This tool intentionally returns an error for testing")],
    },
    "json_schema_2020_12_tool": {"content": [_words("well formed")]},
}
"""The results, by tool; the first takes no arguments, which the suite's header checks rely on."""

SCHEMAS: dict[str, JSON] = {
    "json_schema_2020_12_tool": {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "$defs": {
            "address": {
                "$anchor": "addressDef",
                "type": "object",
                "properties": {"street": {"type": "string"}, "city": {"type": "string"}},
            }
        },
        "properties": {
            "name": {"type": "string"},
            "address": {"$ref": "#/$defs/address"},
            "contactMethod": {"type": "string", "enum": ["phone", "email"]},
            "phone": {"type": "string"},
            "email": {"type": "string"},
        },
        "allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}],
        "if": {"properties": {"contactMethod": {"const": "phone"}}, "required": ["contactMethod"]},
        "then": {"required": ["phone"]},
        "else": {"required": ["email"]},
        "additionalProperties": False,
    },
    "test_custom_headers": {
        "type": "object",
        "properties": {
            "region": {"type": "string", "x-mcp-header": "Region"},
            "count": {"type": "integer", "x-mcp-header": "Count"},
        },
    },
}
"""The input schemas that matter; other tools take any object."""


def definition(name: str) -> JSON:
    """The definition of a tool."""
    return {
        "name": name,
        "description": f"What {name} is for shows in its name.",
        "inputSchema": SCHEMAS.get(name, {"type": "object"}),
        "annotations": {"readOnlyHint": name in CONTENTS},
    }
