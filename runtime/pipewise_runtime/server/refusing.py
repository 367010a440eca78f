"""What those are told who are refused at the door: why, and what to do about it.

Pure; used by `authentication`.
"""

import shlex
from dataclasses import dataclass

from pipewise_runtime.core.access import Account, Denied, Reason

from .asgi import Headers

NOT_PERMITTED = -32011
"""Ours, of JSON-RPC's free range: whoever asks has not shown that it may."""

CODES = {
    Reason.NO_TOKEN: 401,
    Reason.INVALID: 401,
    Reason.AUDIENCE: 401,
    Reason.EXPIRED: 401,
    Reason.NO_RIGHT: 403,
    Reason.UNASKED: 503,
}
"""The HTTP status of each reason."""

_UNAUTHORIZED = 401
_RETRY_AFTER_SECONDS = 2
_SERVICE_ACCOUNT = "system:serviceaccount:"
_ROLE = (
    '{"apiVersion":"rbac.authorization.k8s.io/v1","kind":"Role","metadata":{"name":"use-BINDING"},"rules":'
    '[{"apiGroups":["mcp.pipewise.io"],"resources":["agentmcpbindings"],"resourceNames":["BINDING"],'
    '"verbs":["use"]}]}'
)
"""Written out because `kubectl create role` refuses the verb `use` for kinds that it does not know."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked for."""

    agent: str
    user: str
    namespace: str
    audience: str


def headers_of(reason: Reason) -> Headers:
    """The headers that go with a refusal."""
    if reason is Reason.UNASKED:
        return ((b"retry-after", b"%d" % _RETRY_AFTER_SECONDS),)
    if CODES[reason] != _UNAUTHORIZED:
        return ()
    challenge = "Bearer" if reason is Reason.NO_TOKEN else 'Bearer error="invalid_token"'
    return ((b"www-authenticate", challenge.encode()),)


def text_of(denied: Denied, asked: Asked) -> str:
    """The refusal as a person reads it."""
    wanted = f'a ServiceAccount token for the audience "{asked.audience}"'
    match denied.reason:
        case Reason.NO_TOKEN:
            return (
                f'no token: send "Authorization: Bearer TOKEN" with {wanted}. Mount one with a projected '
                "volume and name its file in PIPEWISE_MCP_TOKEN_FILE"
            )
        case Reason.AUDIENCE:
            return f"the token is for another audience: show {wanted}"
        case Reason.EXPIRED:
            return "the token has expired: read the mounted file anew, where the kubelet puts the next one"
        case Reason.INVALID:
            return (
                f"not a valid token: show {wanted} that this cluster has issued, of an account and a pod "
                "that are still there"
            )
        case Reason.UNASKED:
            return "the API server cannot be asked whose token it is and what it may do: try again soon"
    return _missing_right(denied.account or Account("the token's owner"), asked)


def _missing_right(account: Account, asked: Asked) -> str:
    kubectl = f"kubectl -n {asked.namespace}"
    return (
        f'{account.name} may not "use" the AgentMCPBinding of agent "{asked.agent}" and user "{asked.user}" '
        f'in namespace "{asked.namespace}", or there is none. To give it the right, put the name of the '
        f"binding for BINDING: echo '{_ROLE}' | {kubectl} apply -f - && "
        f"{kubectl} create rolebinding use-BINDING --role=use-BINDING {_subject(account)}"
    )


def _subject(account: Account) -> str:
    if account.name.startswith(_SERVICE_ACCOUNT):
        return f"--serviceaccount={account.name.removeprefix(_SERVICE_ACCOUNT)}"
    return f"--user={shlex.quote(account.name)}"
