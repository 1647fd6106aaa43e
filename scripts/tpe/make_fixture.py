"""Writes the histories and densities that the tests hold our estimator to.

    pip install "optuna==5.0.0" numpy
    python scripts/tpe/make_fixture.py crates/dictum-optimize/tests/data/tpe.json

Needed only to make the fixture anew; no build or test runs it.
"""

import itertools
import json
import random
import sys
import warnings

import numpy as np
import optuna
from optuna.distributions import CategoricalDistribution
from optuna.samplers._tpe.sampler import _split_trials, default_gamma
from optuna.trial import TrialState, create_trial

warnings.simplefilter("ignore")
optuna.logging.set_verbosity(optuna.logging.ERROR)

# Choices of each dimension, finished trials, running trials.
SHAPES = [
    ([3, 4], 10, 0),
    ([3, 4], 11, 2),
    ([2], 10, 0),
    ([1, 5], 14, 1),
    ([3, 6, 3, 6], 10, 3),
    ([3, 6, 3, 6], 20, 0),
    ([9, 18], 24, 0),
    ([9, 18], 27, 1),
    ([9, 18], 28, 0),
    ([6, 12, 6, 12], 40, 4),
    ([6, 12, 6, 12], 90, 0),
    ([5, 5, 5], 300, 2),
]


def case(seed, choices, finished, running):
    chance = random.Random(seed)
    space = {f"d{i}": CategoricalDistribution(list(range(n))) for i, n in enumerate(choices)}
    sampler = optuna.samplers.TPESampler(multivariate=True, constant_liar=True, seed=0)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    points, values = [], []
    order = [True] * finished + [False] * running
    chance.shuffle(order)
    for done in order:
        point = [chance.randrange(n) for n in choices]
        # Few values, so that there are equal ones.
        value = round(chance.random(), 1) if done else None
        params = {f"d{i}": choice for i, choice in enumerate(point)}
        state = TrialState.COMPLETE if done else TrialState.RUNNING
        study.add_trial(create_trial(params=params, distributions=space, value=value, state=state))
        points.append(point)
        values.append(value)
    trials = study.get_trials(deepcopy=False)
    below, above = _split_trials(study, trials, default_gamma(finished))
    good = sampler._build_parzen_estimator(study, space, below, handle_below=True)
    bad = sampler._build_parzen_estimator(study, space, above, handle_below=False)
    asked = list(itertools.product(*(range(n) for n in choices)))
    asked = [list(point) for point in (asked if len(asked) <= 12 else chance.sample(asked, 12))]
    samples = {name: np.array([point[i] for point in asked]) for i, name in enumerate(space)}
    numbers = {trial.number for trial in below}
    return {
        "choices": choices,
        "points": points,
        "values": values,
        "good": [trial.number in numbers for trial in trials],
        "asked": asked,
        "log_good": good.log_pdf(samples).tolist(),
        "log_bad": bad.log_pdf(samples).tolist(),
    }


cases = [case(seed, *shape) for seed, shape in enumerate(SHAPES)]
with open(sys.argv[1], "w") as file:
    file.write("[\n" + ",\n".join(json.dumps(one, separators=(",", ":")) for one in cases) + "\n]\n")
