"""The sandbox's switches: what Pipedream does not document, and its rate limits; changed by the admin API."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

AccountRequiredForm = Literal["structured", "top", "text", "regex", "all"]


class Body(BaseModel):
    """A JSON body of the admin API: camelCase, nothing unknown."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True)


class Settings(Body):
    """How this Pipedream behaves. For every limit, 0 means unlimited.

    Attributes:
        replies: The form of an MCP reply when the client accepts both.
        sessions: Whether MCP hands out and demands session ids.
        token_lifetime_seconds: The life of an access token.
        account_required_form: Where a result says that an account is required (``results.account_required``).
        tool_page_size: Tools per page of ``tools/list``; 0 serves one page.
        quota_runs: Tool runs per project and window; beyond it, HTTP 429.
        quota_window_seconds: That window.
        development_user_limit: External users with accounts that may connect in development.
        account_requests: Account reads and deletes per project and ``account_window_seconds``.
        account_window_seconds: That window.
        connect_tokens_per_minute: Connect tokens per external user.
        token_requests_per_minute: Access tokens per client.
    """

    replies: Literal["json", "sse"] = "json"
    sessions: bool = True
    token_lifetime_seconds: float = Field(default=3600, gt=0)
    account_required_form: AccountRequiredForm = "all"
    tool_page_size: int = Field(default=0, ge=0)
    quota_runs: int = Field(default=2000, ge=0)
    quota_window_seconds: float = Field(default=300, gt=0)
    development_user_limit: int = Field(default=10, ge=0)
    account_requests: int = Field(default=2000, ge=0)
    account_window_seconds: float = Field(default=300, gt=0)
    connect_tokens_per_minute: int = Field(default=100, ge=0)
    token_requests_per_minute: int = Field(default=0, ge=0)
