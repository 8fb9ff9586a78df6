"""Words of work come in order, what goes wrong is the last of them, and unwanted work ends."""

from pkpd.app.on_the_way import on_the_way
from pkpd.errors import PkpdError


def test_words_come_in_order_and_the_result_last():
    def work(tell):
        tell({"done": 1})
        tell({"done": 2})
        return {"found": 3}

    assert list(on_the_way(work)) == [{"done": 1}, {"done": 2}, {"found": 3}]


def test_what_goes_wrong_is_the_last_word():
    def work(tell):
        tell({"done": 1})
        raise PkpdError("No such dose.")

    assert list(on_the_way(work)) == [{"done": 1}, {"error": "No such dose."}]


def test_endless_work_ends_when_nobody_waits_for_it(endless):
    work, workers = endless
    words = on_the_way(work)
    assert [next(words)["done"] for _ in range(3)] == [0, 1, 2]
    words.close()
    [worker] = workers
    worker.join(60)
    assert not worker.is_alive()
