"""Installing the definitions of our three kinds."""

from functools import partial

from pipewise_crds import KINDS, definition

from .api import Api
from .errors import StartError
from .waiting import wait_until

_PATH = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
_ESTABLISHED_WITHIN_SECONDS = 20.0


def install_definitions(api: Api) -> None:
    """Apply the CRDs and wait until the API server serves them.

    Raises:
        ApiError: the API server refuses a definition.
        StartError: a definition was taken but is not served in time.
    """
    names = []
    for kind in KINDS:
        manifest = definition(kind)
        names.append(manifest["metadata"]["name"])
        api.apply(f"{_PATH}/{names[-1]}", manifest, "pipewise")
    for name in names:
        if not wait_until(partial(_is_established, api, name), _ESTABLISHED_WITHIN_SECONDS):
            raise StartError(
                f"the API server did not establish {name} within {_ESTABLISHED_WITHIN_SECONDS:.0f} s"
            )


def _is_established(api: Api, name: str) -> bool:
    # Until the first condition is known, the API server writes null for the list.
    conditions = api.json("GET", f"{_PATH}/{name}").get("status", {}).get("conditions") or ()
    return any(found["type"] == "Established" and found["status"] == "True" for found in conditions)
