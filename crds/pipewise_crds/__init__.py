"""The contract between operator and runtime: the models of the three kinds and the words of their status."""

from .binding import (
    AccountState,
    AccountStatus,
    AgentMCPBinding,
    BindingSpec,
    BindingStatus,
    Resilience,
    RuntimeCounts,
    Service,
    ServiceStatus,
    ToolFilter,
    endpoint_path,
)
from .definitions import API_VERSION, BINDING, GROUP, KINDS, PROJECT, RUNTIME, VERSION, Kind, definition
from .model import Model, ObjectMeta, Timestamp, timestamp
from .project import AccountCounts, PipedreamProject, ProjectSpec, ProjectStatus, QuotaStatus, token_secret_name
from .runtime import (
    REPORT_INTERVAL,
    REPORT_STALE_AFTER,
    ExceptionReport,
    MCPRuntime,
    ProjectReport,
    ProviderReport,
    RuntimeSpec,
    RuntimeStatus,
    Share,
)
from .verdicts import PRECEDENCE, Condition, ConditionStatus, ConditionType, Reason, Verdict

__all__ = [
    "API_VERSION", "BINDING", "GROUP", "KINDS", "PRECEDENCE", "PROJECT", "REPORT_INTERVAL", "REPORT_STALE_AFTER",
    "RUNTIME", "VERSION", "AccountCounts", "AccountState", "AccountStatus", "AgentMCPBinding", "BindingSpec",
    "BindingStatus", "Condition", "ConditionStatus", "ConditionType", "ExceptionReport", "Kind", "MCPRuntime",
    "Model", "ObjectMeta", "PipedreamProject", "ProjectReport", "ProjectSpec", "ProjectStatus", "ProviderReport",
    "QuotaStatus", "Reason", "Resilience", "RuntimeCounts", "RuntimeSpec", "RuntimeStatus", "Service",
    "ServiceStatus", "Share", "Timestamp", "ToolFilter", "Verdict", "definition", "endpoint_path", "timestamp",
    "token_secret_name",
]
