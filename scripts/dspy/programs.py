"""The DSPy programs whose states the tests exchange. Development only: see README.md."""

from typing import Literal, Optional

import dspy
from dspy.utils.dummies import DummyLM
from pydantic import BaseModel


class Address(BaseModel):
    street: str
    number: int
    tags: list[str] = []


class Extract(dspy.Signature):
    """Find the address in the letter."""

    letter: str = dspy.InputField()
    address: Address = dspy.OutputField(desc="the sender's address")
    others: list[Address] = dspy.OutputField()
    urgent: bool = dspy.OutputField()


class Triage(dspy.Signature):
    """Route a message to the team that should answer it."""

    message: str = dspy.InputField(desc="as the customer wrote it")
    team: Literal["billing", "technical", "sales"] = dspy.OutputField()
    priority: Optional[int] = dspy.OutputField()


class TwoSteps(dspy.Module):
    def __init__(self):
        self.summarize = dspy.ChainOfThought("document -> summary")
        self.classify = dspy.Predict(Triage)

    def forward(self, document):
        summary = self.summarize(document=document).summary
        return self.classify(message=summary)


class Containers(dspy.Module):
    def __init__(self):
        self.hops = [dspy.ChainOfThought("question, notes: list[str] -> query") for _ in range(2)]
        self.by_language = {
            "en": dspy.Predict("text -> label"),
            "it's": dspy.Predict("text -> label: int"),
        }

    def forward(self, **kwargs):
        raise NotImplementedError


def predict():
    return dspy.Predict("question, hints: list[str] -> answer: float")


def chain_of_thought():
    return dspy.ChainOfThought("question -> answer")


def pydantic_demos():
    return dspy.Predict(Extract)


def unicode_demos():
    return dspy.Predict(Triage)


PROGRAMS = {
    "predict": predict,
    "chain_of_thought": chain_of_thought,
    "two_steps": TwoSteps,
    "containers": Containers,
    "pydantic": pydantic_demos,
    "unicode": unicode_demos,
}


def matches(example, prediction, trace=None):
    return example.answer == prediction.answer


def compiled(name):
    """The program of this name, with a state worth keeping."""
    program = PROGRAMS[name]()
    if name == "predict":
        rows = [
            dspy.Example(question=f"What is {n} times 7?", hints=["count", str(n)], answer=n * 7.0, source="table")
            for n in range(5)
        ]
        trainset = [row.with_inputs("question", "hints") for row in rows]
        return dspy.LabeledFewShot(k=3).compile(program, trainset=trainset)
    if name == "chain_of_thought":
        answers = {"2": "4", "3": "9", "4": "16", "5": "never"}
        lm = DummyLM({f"square of {n}?": {"reasoning": f"{n} times {n}", "answer": a} for n, a in answers.items()})
        trainset = [
            dspy.Example(question=f"square of {n}?", answer=str(int(n) ** 2)).with_inputs("question") for n in answers
        ]
        with dspy.context(lm=lm):
            optimizer = dspy.BootstrapFewShot(metric=matches, max_bootstrapped_demos=3, max_labeled_demos=4)
            program = optimizer.compile(program, trainset=trainset)
        program.set_lm(
            dspy.LM("openai/some-model", temperature=0.3, max_tokens=400, api_key="sk-x", api_base="http://localhost:1")
        )
        return program
    if name == "two_steps":
        lm = DummyLM(
            {
                "The invoice is wrong": {"reasoning": "About money.", "summary": "Wrong invoice"},
                "It does not start": {"reasoning": "It is broken.", "summary": "Broken device"},
                "Wrong invoice": {"team": "billing", "priority": "2"},
                "Broken device": {"team": "technical", "priority": "null"},
            }
        )
        trainset = [
            dspy.Example(document=text, team=team).with_inputs("document")
            for text, team in [("The invoice is wrong", "billing"), ("It does not start", "technical")]
        ]
        with dspy.context(lm=lm):
            optimizer = dspy.BootstrapFewShot(
                metric=lambda example, prediction, trace=None: example.team == prediction.team,
                max_bootstrapped_demos=2,
                max_labeled_demos=2,
            )
            return optimizer.compile(program, trainset=trainset)
    if name == "containers":
        program.hops[1].predict.demos = [dspy.Example(augmented=True, question="Q", notes=[], reasoning="R", query="q")]
        english = program.by_language["en"]
        english.signature = english.signature.with_instructions("Say what kind of text it is.")
        program.by_language["it's"].demos = [dspy.Example(text="uno", label=1)]
        return program
    if name == "pydantic":
        home = Address(street="Main Street", number=7, tags=["home"])
        program.demos = [
            dspy.Example(letter="I live at Main Street 7.", address=home, others=[], urgent=False),
            dspy.Example(augmented=True, letter="...", address=home, others=[home, home], urgent=True),
        ]
        return program
    if name == "unicode":
        program.signature = program.signature.with_instructions("Ordne die Nachricht zu.\n\n日本語 and [[ ## team ## ]] 🎉")
        program.signature = program.signature.with_updated_fields("team", desc="das Team, “genau”")
        program.demos = [
            dspy.Example(message="Größe?\n[[ ## completed ## ]] \u2028 \\n </message>", team="sales", priority=None),
            dspy.Example(message="without a team"),
            dspy.Example(team="billing", priority=3),
        ]
        return program
    raise KeyError(name)
