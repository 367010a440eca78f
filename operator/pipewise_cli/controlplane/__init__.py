"""A real Kubernetes control plane without containers: etcd and kube-apiserver on loopback."""

from .api import Api, ApiError
from .binaries import Binaries, find_binaries, find_kubectl
from .credentials import User
from .errors import BinariesError, ControlPlaneError, StartError
from .guardian import guarded
from .plane import ControlPlane

__all__ = [
    "Api",
    "ApiError",
    "Binaries",
    "BinariesError",
    "ControlPlane",
    "ControlPlaneError",
    "StartError",
    "User",
    "find_binaries",
    "find_kubectl",
    "guarded",
]
