"""What can go wrong with the embedded control plane.

ControlPlaneError
├── BinariesError   the programs are not there and cannot be built
└── StartError      a program did not come up; carries the tail of its log
"""


class ControlPlaneError(RuntimeError):
    """The embedded control plane cannot be used; the message names the cause and the next step."""


class BinariesError(ControlPlaneError):
    """etcd, kube-apiserver or kubectl is missing and cannot be built."""


class StartError(ControlPlaneError):
    """A program of the control plane did not start or did not become ready."""
