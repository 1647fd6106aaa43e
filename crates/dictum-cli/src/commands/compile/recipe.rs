//! The optimizer a command names.

use dictum_optimize::{
    Auto, BootstrapFewShot, BootstrapRandomSearch, CheapestWithin, Copro, Custom, Gepa, InferRules,
    LabeledFewShot, MiproV2, Recipe, Simba, Space,
};

use crate::args::{CompileArgs, OptimizerKind, SpaceArgs};
use crate::failure::Failure;

/// One type for all optimizers: they share their options.
pub type Optimizer = Custom<Box<dyn Recipe>>;

/// The optimizer with the settings of its own. A setting it does not have is refused, not passed over.
pub fn recipe(args: &CompileArgs) -> Result<Box<dyn Recipe>, Failure> {
    let mut given = Given::of(args);
    let recipe: Box<dyn Recipe> = match args.optimizer {
        OptimizerKind::Auto => Box::new(Auto::new()),
        OptimizerKind::Labeled => {
            let optimizer = LabeledFewShot::new();
            Box::new(set(optimizer, given.max_labeled.take(), LabeledFewShot::k))
        }
        OptimizerKind::Bootstrap => {
            let optimizer = BootstrapFewShot::new();
            let optimizer = set(
                optimizer,
                given.max_bootstrapped.take(),
                BootstrapFewShot::max_bootstrapped,
            );
            Box::new(set(
                optimizer,
                given.max_labeled.take(),
                BootstrapFewShot::max_labeled,
            ))
        }
        OptimizerKind::RandomSearch => {
            let optimizer = BootstrapRandomSearch::new();
            let optimizer = set(
                optimizer,
                given.max_bootstrapped.take(),
                BootstrapRandomSearch::max_bootstrapped,
            );
            let optimizer = set(
                optimizer,
                given.max_labeled.take(),
                BootstrapRandomSearch::max_labeled,
            );
            Box::new(set(
                optimizer,
                given.candidates.take(),
                BootstrapRandomSearch::candidates,
            ))
        }
        OptimizerKind::MiproV2 => {
            let optimizer = set(MiproV2::new(), given.candidates.take(), MiproV2::candidates);
            let optimizer = set(
                optimizer,
                given.max_bootstrapped.take(),
                MiproV2::max_bootstrapped,
            );
            Box::new(set(optimizer, given.max_labeled.take(), MiproV2::max_labeled))
        }
        OptimizerKind::Copro => Box::new(set(Copro::new(), given.candidates.take(), Copro::breadth)),
        OptimizerKind::Gepa => Box::new(set(Gepa::new(), given.rollouts.take(), Gepa::rollouts)),
        OptimizerKind::Simba => {
            let optimizer = set(Simba::new(), given.candidates.take(), Simba::candidates);
            Box::new(set(optimizer, given.max_labeled.take(), Simba::max_demos))
        }
        OptimizerKind::InferRules => {
            let optimizer = set(InferRules::new(), given.candidates.take(), InferRules::candidates);
            let optimizer = set(
                optimizer,
                given.max_bootstrapped.take(),
                InferRules::max_bootstrapped,
            );
            Box::new(set(optimizer, given.max_labeled.take(), InferRules::max_labeled))
        }
        OptimizerKind::Finetune => return Err(Failure::work("finetune is no search")),
        OptimizerKind::CheapestWithin => return cheapest_within(args, &given),
    };
    given.nothing_left(recipe.name())?;
    no_space(&args.space, recipe.name())?;
    Ok(recipe)
}

fn cheapest_within(args: &CompileArgs, given: &Given) -> Result<Box<dyn Recipe>, Failure> {
    let SpaceArgs {
        points,
        try_adapters,
        try_temperatures,
        try_demos,
        try_reasoning,
    } = &args.space;
    let space = Space::all()
        .lms(&args.lm.lms)
        .adapters(try_adapters)
        .temperatures(try_temperatures.iter().copied())
        .demos(try_demos.iter().copied());
    let space = if *try_reasoning { space.reasoning() } else { space };
    let recipe = CheapestWithin::points(points.unwrap_or(2.0)).over(space);
    given.nothing_left(recipe.name())?;
    Ok(Box::new(recipe))
}

/// Settings of the search for cheap settings are refused by all others.
pub fn no_space(space: &SpaceArgs, optimizer: &str) -> Result<(), Failure> {
    let given = [
        ("--points", space.points.is_some()),
        ("--try-adapters", !space.try_adapters.is_empty()),
        ("--try-temperatures", !space.try_temperatures.is_empty()),
        ("--try-demos", !space.try_demos.is_empty()),
        ("--try-reasoning", space.try_reasoning),
    ];
    match given.iter().find(|(_, is)| *is) {
        Some((name, _)) => Err(Failure::usage(format!(
            "{name}: {optimizer} has no such setting; it is one of --optimizer cheapest-within"
        ))),
        None => Ok(()),
    }
}

/// Settings that were given and that no optimizer has taken yet.
pub struct Given {
    candidates: Option<usize>,
    rollouts: Option<usize>,
    max_bootstrapped: Option<usize>,
    max_labeled: Option<usize>,
}

impl Given {
    /// Those of a command.
    pub fn of(args: &CompileArgs) -> Self {
        Self {
            candidates: args.candidates,
            rollouts: args.rollouts,
            max_bootstrapped: args.max_bootstrapped,
            max_labeled: args.max_labeled,
        }
    }

    /// Refuses those that are left.
    pub fn nothing_left(&self, optimizer: &str) -> Result<(), Failure> {
        let left = [
            ("--candidates", self.candidates),
            ("--rollouts", self.rollouts),
            ("--max-bootstrapped", self.max_bootstrapped),
            ("--max-labeled", self.max_labeled),
        ];
        match left.iter().find(|(_, value)| value.is_some()) {
            Some((name, _)) => Err(Failure::usage(format!(
                "{name}: {optimizer} has no such setting; leave it out"
            ))),
            None => Ok(()),
        }
    }
}

fn set<O, V>(optimizer: O, value: Option<V>, with: impl FnOnce(O, V) -> O) -> O {
    match value {
        Some(value) => with(optimizer, value),
        None => optimizer,
    }
}
