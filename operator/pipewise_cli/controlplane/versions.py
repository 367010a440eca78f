"""The pinned versions of the control plane, and what building each program takes."""

from dataclasses import dataclass

KUBERNETES = "1.34.3"
ETCD = "3.6.16"

CACHE_NAME = f"kubernetes-{KUBERNETES}-etcd-{ETCD}"


@dataclass(frozen=True, slots=True)
class Program:
    """One program that Go can build.

    Attributes:
        name: the program's file name.
        modules: the folder with its go.mod and go.sum, in `modules/`.
        package: the Go package to build.
        seconds: how long that takes on two cores with nothing cached.
    """

    name: str
    modules: str
    package: str
    seconds: int


PROGRAMS = {
    program.name: program
    for program in (
        Program("etcd", "etcd", "go.etcd.io/etcd/server/v3", 25),
        Program("kube-apiserver", "kubernetes", "k8s.io/kubernetes/cmd/kube-apiserver", 210),
        Program("kubectl", "kubernetes", "k8s.io/kubernetes/cmd/kubectl", 90),
    )
}


def linker_flags() -> str:
    """The flags that strip the program and tell a Kubernetes program its version."""
    major, minor, _ = KUBERNETES.split(".")
    stamps = {
        "gitVersion": f"v{KUBERNETES}",
        "gitMajor": major,
        "gitMinor": minor,
        "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z",
    }
    places = ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
    return " ".join(
        ["-s", "-w", *(f"-X {place}.{name}={value}" for place in places for name, value in stamps.items())]
    )
