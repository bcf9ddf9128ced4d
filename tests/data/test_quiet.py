import threading
import warnings

import pytest

from bakeoff.data.quiet import without_warnings


def test_threads_that_overlap_leave_the_filters_as_they_were() -> None:
    before = list(warnings.filters)
    inside, leave = threading.Event(), threading.Event()

    def stay() -> None:
        with without_warnings():
            inside.set()
            leave.wait(5)

    thread = threading.Thread(target=stay)
    with without_warnings():
        thread.start()
        inside.wait(5)
    warnings.warn("kept silent while another thread is in the block", stacklevel=1)
    leave.set()
    thread.join()
    assert list(warnings.filters) == before
    with pytest.warns(UserWarning, match="again"):
        warnings.warn("heard again", stacklevel=1)
