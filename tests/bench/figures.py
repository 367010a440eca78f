"""The key figures: each computed within a round, then the median over all rounds, beside its target. Pure."""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .peers import DIRECT, FASTMCP_DEFAULT, FASTMCP_REUSED, NAIVE, NGINX, RUNTIME
from .rounds import Round


@dataclass(frozen=True, slots=True)
class Figure:
    """One number that is watched."""

    key: str
    what: str
    of: Callable[[Round], float]
    """Its value in one round; KeyError where the round has not what it takes."""
    at_most: float | None = None
    at_least: float | None = None

    def meets_target(self, value: float) -> bool:
        """Whether a value is as good as it should be."""
        return (self.at_most is None or value <= self.at_most) and (
            self.at_least is None or value >= self.at_least
        )


@dataclass(frozen=True, slots=True)
class Value:
    """A figure over all rounds."""

    median: float
    least: float
    most: float


def _added_over_nginx(seen: Round) -> float:
    one = seen.samples["one"]
    direct = one[DIRECT].p50_us
    return (one[RUNTIME].p50_us - direct) / (one[NGINX].p50_us - direct)


def _throughput_over(peer: str) -> Callable[[Round], float]:
    def over(seen: Round) -> float:
        return _rate(seen, "sixteen", RUNTIME) / _rate(seen, "sixteen", peer)

    return over


def _rate(seen: Round, phase: str, peer: str) -> float:
    return seen.samples[phase][peer].calls_per_second


FIGURES = (
    Figure("added_p50_over_nginx", "added p50, one caller / what nginx adds", _added_over_nginx, at_most=2),
    Figure("throughput_over_nginx", "calls/s of one core / nginx", _throughput_over(NGINX), at_least=0.25),
    Figure("throughput_over_naive_sdk", "calls/s / naive SDK proxy", _throughput_over(NAIVE), at_least=12),
    Figure(
        "throughput_over_fastmcp_reused",
        "calls/s / FastMCP, client reused",
        _throughput_over(FASTMCP_REUSED),
        at_least=25,
    ),
    Figure(
        "throughput_over_fastmcp_default",
        "calls/s / FastMCP as documented",
        _throughput_over(FASTMCP_DEFAULT),
        at_least=300,
    ),
    Figure(
        "cpu_us_per_call",
        "CPU per call, 16 callers (us)",
        lambda seen: seen.samples["sixteen"][RUNTIME].peer_cpu_us,
        at_most=80,
    ),
    Figure(
        "c64_over_direct",
        "64 callers, 50 ms upstream: calls/s / direct",
        lambda seen: _rate(seen, "slow64", RUNTIME) / _rate(seen, "slow64", DIRECT),
        at_least=0.98,
    ),
    Figure(
        "open7_ms_over_rtt",
        "opening 7 services until the first answer, over one round trip (ms)",
        lambda seen: seen.opening_ms[RUNTIME],
        at_most=3,
    ),
    Figure("list350_ms", "tools/list of 350 tools (ms)", lambda seen: seen.listing_ms[RUNTIME], at_most=0.5),
    Figure(
        "rss_idle_mb", "memory at rest (MB)", lambda seen: seen.starts[RUNTIME].idle_megabytes, at_most=60
    ),
    Figure(
        "kb_per_session",
        "memory for each user session (kB)",
        lambda seen: seen.starts[RUNTIME].session_kilobytes,
        at_most=30,
    ),
    Figure(
        "ready_s",
        "start until all 350 tools are listed (s)",
        lambda seen: seen.starts[RUNTIME].ready_seconds,
        at_most=0.5,
    ),
    Figure(
        "agents_added_p50_ms",
        "added p50 seen by openai-agents (ms)",
        lambda seen: seen.agents_ms[RUNTIME] - seen.agents_ms[DIRECT],
        at_most=0.2,
    ),
)


def value_of(figure: Figure, rounds: Sequence[Round]) -> Value | None:
    """A figure over all rounds; None where they have not what it takes."""
    try:
        values = [figure.of(seen) for seen in rounds]
    except KeyError:
        return None
    return Value(statistics.median(values), min(values), max(values)) if values else None
