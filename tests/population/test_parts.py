"""A cohort part by part: the parts make up the whole, and Ctrl-C keeps those that are finished."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pkpd.errors import Stopped, all_or_nothing
from pkpd.population.cohort import cohort
from pkpd.population.parts import by_parts
from pkpd.symbolic.load import load

PEOPLE = cohort(load("pk/one_compartment"), n=30)


def ids(part, report):
    return list(part.ids)


def concatenated(parts, people):
    return [i for part in parts for i in part], people


@settings(deadline=None)
@given(st.integers(1, 30), st.integers(1, 40))
def test_parts_make_up_the_cohort_in_order(n, size):
    seen = []
    found, people = by_parts(PEOPLE.until(n), size, ids, concatenated, seen.append)
    assert found == list(range(1, n + 1)) and len(people) == n
    assert seen == sorted(set(seen)) and seen[-1] == n


@settings(deadline=None)
@given(st.integers(1, 30), st.integers(1, 10), st.integers(1, 30))
def test_ctrl_c_keeps_the_parts_before_it(n, size, last):
    def work(part, report):
        if last in part.ids:
            raise KeyboardInterrupt
        return ids(part, report)

    people = PEOPLE.rows(slice(0, n))
    done = (last - 1) // size * size
    if last > n:
        assert by_parts(people, size, work, concatenated)[1].planned is None
    elif not done:
        with pytest.raises(KeyboardInterrupt) as caught:
            by_parts(people, size, work, concatenated)
        assert not isinstance(caught.value, Stopped)
    else:
        with pytest.raises(Stopped, match=f"{done} of {n} patients are finished") as caught:
            by_parts(people, size, work, concatenated)
        found, kept = caught.value.partial
        assert found == list(range(1, done + 1))
        assert (len(kept), kept.planned) == (done, n)
        np.testing.assert_array_equal(kept.theta, people.theta[:done])


def test_a_step_that_needs_everything_passes_ctrl_c_on():
    with pytest.raises(KeyboardInterrupt) as caught, all_or_nothing():
        raise Stopped([], 1, 2)
    assert not isinstance(caught.value, Stopped)
