"""The bench's key figures: computed within a round, then told as medians."""

from bench.figures import FIGURES, Value, value_of
from bench.native_programs import Sample
from bench.peers import DIRECT, NGINX, RUNTIME
from bench.rounds import Round

BY_KEY = {figure.key: figure for figure in FIGURES}


def sample(p50_us: float = 100.0, calls_per_second: float = 1000.0) -> Sample:
    return Sample(100, calls_per_second, p50_us, p50_us * 2, 50.0, 1.0, 0.2, 0.2)


def one_caller(direct: float, nginx: float, runtime: float) -> Round:
    of = {DIRECT: sample(direct), NGINX: sample(nginx), RUNTIME: sample(runtime)}
    return Round(samples={"one": of})


def test_what_a_peer_adds_is_counted_from_the_direct_way_of_its_own_round() -> None:
    value = value_of(BY_KEY["added_p50_over_nginx"], [one_caller(20, 120, 220)])
    assert value == Value(2.0, 2.0, 2.0)


def test_a_figure_is_the_median_of_its_rounds_with_the_least_and_the_most() -> None:
    rounds = [one_caller(20, 120, 20 + 100 * added) for added in (3, 1, 2)]
    assert value_of(BY_KEY["added_p50_over_nginx"], rounds) == Value(2.0, 1.0, 3.0)


def test_a_figure_whose_peer_was_not_measured_has_no_value() -> None:
    rounds = [Round(samples={"sixteen": {RUNTIME: sample()}})]
    assert value_of(BY_KEY["throughput_over_nginx"], rounds) is None
    assert value_of(BY_KEY["cpu_us_per_call"], rounds) == Value(50.0, 50.0, 50.0)


def test_a_target_may_be_a_floor_or_a_ceiling() -> None:
    assert BY_KEY["throughput_over_nginx"].meets_target(0.25)
    assert not BY_KEY["throughput_over_nginx"].meets_target(0.24)
    assert BY_KEY["cpu_us_per_call"].meets_target(80)
    assert not BY_KEY["cpu_us_per_call"].meets_target(81)
