"""Settings that all tests share. Imports nothing heavy: torch is for the tests that use it."""

import os
import signal

import numpy as np
import pytest
from hypothesis import settings

# The default is reproducible, so that a red run stays red until the code changes. To look
# for new counterexamples: HYPOTHESIS_PROFILE=explore make test
settings.register_profile("ci", derandomize=True, deadline=None, print_blob=True)
settings.register_profile("explore", deadline=None, max_examples=1000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    """What a test leaves to chance (``random_state=None``) is the same in every run."""
    np.random.seed(int(os.environ.get("TEST_SEED", "0")))  # noqa: NPY002 (that is its source)


@pytest.fixture(autouse=True, scope="session")
def interrupts_raise():
    """Ctrl-C raises, also where the tests were started in the background, which ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
