"""What may go wrong outside this program: the errors that the two doors out (cluster, connect) raise.

OperatorError
├── ClusterError            the Kubernetes API
│   ├── NotFoundError       the object is not there (any more)
│   ├── RejectedError       the API server refuses the request as it stands; repeating it is no use
│   └── ClusterUnavailableError    no answer, or one that asks to come back; repeat later
│       └── NotLeadingError         this process holds the Lease no more and may write nothing
└── PipedreamError          Pipedream's REST API
    ├── ClientRefusedError  our client id or secret is refused
    ├── TokenRejectedError  the token is refused (401)
    ├── ProjectRefusedError the project is refused, though the token is not
    └── PipedreamUnavailableError  no proper answer; repeat later
"""


class OperatorError(Exception):
    """Root of the errors this program raises itself."""


class ClusterError(OperatorError):
    """The Kubernetes API did not do what was asked."""


class NotFoundError(ClusterError):
    """The object is not there (any more)."""


class RejectedError(ClusterError):
    """The API server refuses the request as it stands."""


class ClusterUnavailableError(ClusterError):
    """The API server gave no answer, or one that asks to come back."""


class NotLeadingError(ClusterUnavailableError):
    """This process does not hold the Lease: another one may be writing."""


class PipedreamError(OperatorError):
    """Pipedream's REST API did not do what was asked."""


class ClientRefusedError(PipedreamError):
    """Pipedream refuses the client id or the client secret."""


class TokenRejectedError(PipedreamError):
    """Pipedream refuses the developer token (401)."""


class ProjectRefusedError(PipedreamError):
    """Pipedream takes the token but refuses what is asked of the project: repeating it is no use."""


class PipedreamUnavailableError(PipedreamError):
    """Pipedream does not answer properly; trying later may help."""

    def __init__(self, message: str, retry_after_seconds: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds
