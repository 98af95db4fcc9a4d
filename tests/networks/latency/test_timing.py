import numpy as np
import pytest

from archllm.networks.latency.timing import FEWEST_ROUNDS, MOST_ROUNDS, timings


class Machine:
    """A clock that moves by what runs take, and a load that makes them take longer."""

    def __init__(self, load=lambda run: 1.0):
        self.now, self.runs, self.load = 0.0, 0, load
        self.order = []

    def clock(self):
        return self.now

    def network(self, name, ms):
        def run():
            self.now += ms / 1000 * self.load(self.runs)
            self.runs += 1
            self.order.append(name)

        return run


def test_an_idle_machine_gives_what_each_run_takes_in_the_fewest_rounds():
    machine = Machine()
    found = timings([machine.network("a", 2.0), machine.network("b", 5.0)], clock=machine.clock)
    assert [round(each.ms, 6) for each in found] == [2.0, 5.0]
    assert {each.rounds for each in found} == {FEWEST_ROUNDS}
    assert max(each.spread for each in found) < 1e-9


def test_networks_take_turns():
    machine = Machine()
    timings([machine.network("a", 2.0), machine.network("b", 2.0)], clock=machine.clock)
    turns = "".join(machine.order)
    assert turns.count("ab") >= FEWEST_ROUNDS


def test_the_fastest_runs_hardly_notice_other_programs():
    rng = np.random.default_rng(0)
    machine = Machine(load=lambda run: 1.0 if rng.random() < 0.6 else rng.uniform(1.5, 4.0))
    found = timings([machine.network("a", 1.0)], seconds=100, clock=machine.clock)[0]
    assert found.fastest == pytest.approx(1.0, rel=0.01)
    assert found.high > 1.2


def test_time_is_kept_once_there_are_enough_rounds():
    rng = np.random.default_rng(0)
    machine = Machine(load=lambda run: rng.uniform(1, 9))
    assert timings([machine.network("a", 50.0)], seconds=0.0, clock=machine.clock)[0].rounds == FEWEST_ROUNDS
    assert timings([machine.network("a", 50.0)], seconds=1e6, clock=machine.clock)[0].rounds <= MOST_ROUNDS
