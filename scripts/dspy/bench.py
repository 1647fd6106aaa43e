"""DSPy's side of `cargo xtask bench`: python bench.py URL

Takes `turn STACK CONCURRENCY SECONDS` a line and answers each with calls, seconds and microseconds of processor per call.
STACK is `threads` (a thread per call in flight), `async` (a task each), or `hits` (threads, every answer in DSPy's cache).
The program, the inputs and the mock's answers are those of crates/dictum-bench.
"""

import asyncio
import itertools
import os
import sys
import tempfile
import threading
import time

os.environ["DSPY_CACHEDIR"] = tempfile.mkdtemp(prefix="dictum-bench-")
# Nothing is fetched but from the server under test.
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "true"

import dspy  # noqa: E402

KEPT = 100


class Triage(dspy.Signature):
    """Route a customer's message to the team that should answer it."""

    message: str = dspy.InputField(desc="The message as the customer wrote it.")
    team: str = dspy.OutputField()
    urgency: int = dspy.OutputField(desc="How urgent it is, from 1 (can wait) to 5 (now).")


def message(n):
    return f"My bill number {n:06} is wrong. " + "Please help. " * 20


def program():
    predict = dspy.Predict(Triage)
    text = "The invoice number {} was charged twice and nobody answers my mails about it."
    predict.demos = [dspy.Example(message=text.format(n), team="billing", urgency=4) for n in range(4)]
    return predict


def lm(url, cache):
    return dspy.LM("openai/gpt-4o-mini", api_base=url, api_key="sk-bench", cache=cache, num_retries=0)


def check(out):
    assert out.team == "billing" and out.urgency == 2, out


class Numbers:
    """Numbers of calls, for many threads: no two uncached calls are the same."""

    def __init__(self):
        self.next = itertools.count(KEPT).__next__


numbers = Numbers()


def in_threads(predict, concurrency, seconds, cached):
    counts = [0] * concurrency
    begun = time.perf_counter()

    def work(slot):
        while True:
            n = numbers.next()
            check(predict(message=message(n % KEPT if cached else n)))
            counts[slot] += 1
            if time.perf_counter() - begun >= seconds:
                break

    threads = [threading.Thread(target=work, args=(slot,)) for slot in range(concurrency)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts), time.perf_counter() - begun


async def in_tasks(predict, concurrency, seconds):
    calls = 0
    begun = time.perf_counter()

    async def work():
        nonlocal calls
        while True:
            check(await predict.acall(message=message(numbers.next())))
            calls += 1
            if time.perf_counter() - begun >= seconds:
                break

    await asyncio.gather(*(work() for _ in range(concurrency)))
    return calls, time.perf_counter() - begun


def main():
    url = sys.argv[1]
    dspy.configure(lm=lm(url, cache=False))
    uncached, cached = program(), program()
    cached.set_lm(lm(url, cache=True))
    # One loop for all turns, so that connections live from turn to turn.
    loop = asyncio.new_event_loop()
    print(dspy.__version__, flush=True)
    for line in sys.stdin:
        _, stack, concurrency, seconds = line.split()
        concurrency, seconds = int(concurrency), float(seconds)
        if stack == "hits":
            for n in range(KEPT):
                check(cached(message=message(n)))
        cpu = time.process_time()
        if stack == "async":
            calls, took = loop.run_until_complete(in_tasks(uncached, concurrency, seconds))
        else:
            calls, took = in_threads(
                cached if stack == "hits" else uncached, concurrency, seconds, stack == "hits"
            )
        cpu = time.process_time() - cpu
        print(calls, took, cpu * 1e6 / calls, flush=True)


main()
