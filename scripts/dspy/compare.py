"""DSPy's side of `cargo xtask compare`: python compare.py JOB OUT

JOB is a JSON file that crates/dictum-compare writes: the task's rows as they were split and ordered for Dictum too, the optimizer, its
arguments, the seed, and where `dictum serve-lm` listens. OUT is where the result goes; the program found stays beside it. The
programs and the metric's words are those of crates/dictum-compare/src/tasks.rs.
"""

import json
import logging
import os
import sys
import tempfile
import time
import urllib.request
from typing import Literal

os.environ["DSPY_CACHEDIR"] = tempfile.mkdtemp(prefix="dictum-compare-")
# Nothing is fetched but from the server under test.
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "true"

import dspy  # noqa: E402
from dspy.lm15 import AccessPolicy, ModelSupport, OpenAIChatCompat, ProviderDefinition, register_provider  # noqa: E402


class Classify(dspy.Signature):
    """Given a question about an event, name the kind of temporal reasoning that it asks for."""

    question: str = dspy.InputField()
    category: Literal[
        "Absolute Timepoint", "Event Duration", "Event Ordering", "Frequency", "Transient v. Stationary"
    ] = dspy.OutputField()


class Describe(dspy.Signature):
    """Say in a few words what the review is about."""

    review: str = dspy.InputField()
    subject: str = dspy.OutputField()


class Place(dspy.Signature):
    """Given a review and its subject, say where it was posted and whether it is positive or negative."""

    review: str = dspy.InputField()
    subject: str = dspy.InputField()
    source: Literal["amazon", "imdb", "yelp"] = dspy.OutputField()
    sentiment: Literal["negative", "positive"] = dspy.OutputField()


class Reviews(dspy.Module):
    def __init__(self):
        super().__init__()
        self.describe = dspy.Predict(Describe)
        self.place = dspy.Predict(Place)

    def forward(self, review):
        subject = self.describe(review=review).subject
        return self.place(review=review, subject=subject)


TASKS = {
    "questions": (lambda: dspy.Predict(Classify), ["question"], ["category"]),
    "reviews": (Reviews, ["review"], ["source", "sentiment"]),
}


def metrics(labels):
    """The score alone, as most optimizers want it, and with words, as GEPA does."""

    def said(pred, label):
        return str(getattr(pred, label, ""))

    def score(gold, pred, trace=None):
        return all(said(pred, label) == gold[label] for label in labels)

    def feedback(gold, pred, trace=None, pred_name=None, pred_trace=None):
        words = [
            f"The {label} `{said(pred, label)}` is right."
            if said(pred, label) == gold[label]
            else f"The {label} `{said(pred, label)}` is wrong; right is `{gold[label]}`."
            for label in labels
        ]
        return dspy.Prediction(score=float(score(gold, pred)), feedback=" ".join(words))

    return score, feedback


def connect(job):
    """The server as a provider that is known to hold answers to a JSON schema, which DSPy can't know by itself."""
    definition = ProviderDefinition.chat(AccessPolicy(provider="dictum", base_url=job["url"], env_keys=()), compat=OpenAIChatCompat())
    register_provider(definition, supports=ModelSupport(response_schema=True))

    def lm(model, temperature, max_tokens):
        return dspy.LM(
            f"dictum/{model}", api_base=job["url"], api_key="none", cache=False, temperature=temperature, max_tokens=max_tokens
        )

    task = lm(job["models"]["task"], 0.0, job["limits"]["task_tokens"])
    proposer = lm(job["models"]["proposer"], 1.0, job["limits"]["proposer_tokens"])
    return task, proposer


def search(job, student, train, val, score, feedback, proposer):
    """The program this optimizer finds."""
    seed, args, threads = job["seed"], job["args"], job["threads"]
    demos = {"max_bootstrapped_demos": job["demos"]["bootstrapped"], "max_labeled_demos": job["demos"]["labeled"]}
    match job["optimizer"]:
        case "baseline" | "baseline-chat":
            return student
        case "random-search":
            # It has no seed; what differs is the order of the trainset.
            optimizer = dspy.BootstrapFewShotWithRandomSearch(
                metric=score, num_candidate_programs=args["candidates"], num_threads=threads, **demos
            )
            return optimizer.compile(student, trainset=train, valset=val)
        case "mipro":
            optimizer = dspy.MIPROv2(
                metric=score,
                prompt_model=proposer,
                auto=None,
                num_candidates=args["candidates"],
                seed=seed,
                num_threads=threads,
                **demos,
            )
            return optimizer.compile(student, trainset=train, valset=val, num_trials=args["trials"], minibatch=False)
        case "gepa":
            optimizer = dspy.GEPA(
                metric=feedback, reflection_lm=proposer, max_metric_calls=args["rollouts"], seed=seed, num_threads=threads
            )
            return optimizer.compile(student, trainset=train, valset=val)
        case "simba":
            # It has no validation set: it chooses on the trainset.
            optimizer = dspy.SIMBA(
                metric=score,
                bsize=args["batch"],
                num_candidates=args["candidates"],
                max_steps=args["steps"],
                max_demos=job["demos"]["bootstrapped"],
                prompt_model=proposer,
                num_threads=threads,
            )
            return optimizer.compile(student, trainset=train, seed=seed)
        case other:
            raise SystemExit(f"there is no optimizer `{other}`")


class Spent:
    """What was spent since the last time it was asked: DSPy's own history of calls."""

    def __init__(self, proposer):
        self.proposer, self.at = proposer, 0
        self.begun = time.perf_counter()

    def turn(self):
        from dspy.clients.base_lm import GLOBAL_HISTORY

        calls = GLOBAL_HISTORY[self.at :]
        self.at = len(GLOBAL_HISTORY)
        seconds, self.begun = time.perf_counter() - self.begun, time.perf_counter()
        usage = [dict(call.get("usage") or {}) for call in calls]
        return {
            "calls": len(calls),
            "proposals": sum(self.proposer in str(call.get("model")) for call in calls),
            "tokens_in": sum(use.get("prompt_tokens") or 0 for use in usage),
            "tokens_out": sum(use.get("completion_tokens") or 0 for use in usage),
            "seconds": seconds,
        }


def prompts(program):
    return {
        name: {"instructions": predictor.signature.instructions, "demos": len(predictor.demos)}
        for name, predictor in program.named_predictors()
    }


def main():
    job = json.load(open(sys.argv[1], encoding="utf-8"))
    logging.getLogger("dspy").setLevel(logging.WARNING)
    make, inputs, labels = TASKS[job["task"]]
    train, val, test = ([dspy.Example(**row).with_inputs(*inputs) for row in job[part]] for part in ("train", "val", "test"))
    score, feedback = metrics(labels)
    task, proposer = connect(job)
    adapter = dspy.JSONAdapter() if job["adapter"] == "json" else dspy.ChatAdapter()
    dspy.configure(lm=task, adapter=adapter)

    spent = Spent(job["models"]["proposer"])
    program = search(job, make(), train, val, score, feedback, proposer)
    searching = spent.turn()
    evaluate = dspy.Evaluate(devset=test, metric=score, num_threads=job["threads"], max_errors=len(test) + 1)
    results = evaluate(program).results
    testing = spent.turn()
    # Rows that failed because the server is gone are no result.
    with urllib.request.urlopen(job["url"] + "/models", timeout=60):
        pass
    result = {
        "scores": [float(score) for _, _, score in results],
        "failed": sum(not list(prediction.keys()) for _, prediction, _ in results),
        "search": searching,
        "test": testing,
        "prompts": prompts(program),
        "notes": [f"adapter: {job['adapter']}"],
    }
    with open(sys.argv[2], "w", encoding="utf-8") as file:
        json.dump(result, file, indent=1)
    program.save(sys.argv[2] + ".json")


if __name__ == "__main__":
    main()
