"""Whether a tool says that it failed: by `isError`, or as an action that failed inside its component."""

import msgspec


class _Observation(msgspec.Struct):
    err: msgspec.Raw = msgspec.Raw()


class _Run(msgspec.Struct):
    os: list[_Observation] = []
    ret: msgspec.Raw = msgspec.Raw()


class _Item(msgspec.Struct):
    text: str = "{}"


class _Result(msgspec.Struct):
    content: list[_Item] = []


class _Mark(msgspec.Struct, rename="camel"):
    is_error: bool = False


_mark_decoder, _result_decoder = msgspec.json.Decoder(_Mark), msgspec.json.Decoder(_Result)
_run_decoder = msgspec.json.Decoder(_Run)


def is_tool_error(result: bytes) -> bool:
    """Whether an encoded result tells of a failure; its text is read only where it bears the marks of one.

    An action's own failure comes without `isError`: an observation with an error, and no return value.
    """
    try:
        if b'"isError"' in result and _mark_decoder.decode(result).is_error:
            return True
        if b'\\"err\\"' not in result or b'\\"ret\\"' in result:
            return False
        return any(_failed(item.text) for item in _result_decoder.decode(result).content)
    except msgspec.DecodeError:
        return True  # whatever it means by that, it does not say that all went well


def _failed(text: str) -> bool:
    try:
        run = _run_decoder.decode(text)
    except msgspec.DecodeError:
        return False  # no run of an action: a text that happens to hold the same words
    return not bytes(run.ret) and any(bytes(each.err) for each in run.os)
