//! The optimizers a command names, each with the settings of its own.

use dictum_optimize::{
    Auto, BootstrapFewShot, BootstrapRandomSearch, CheapestWithin, Copro, Custom, Gepa, InferRules,
    LabeledFewShot, MiproV2, Recipe, Simba, Space,
};

use crate::args::{CompileArgs, OptimizerKind};
use crate::failure::Failure;

/// One type for all searches: they share their options.
pub type Search = Custom<Box<dyn Recipe>>;

/// What is done to a program.
pub enum Step {
    Search(Box<Search>),
    /// A model is trained.
    Finetune,
    /// Each call is shown the demonstrations nearest to its input: so many, by the embedder of this name.
    Neighbours {
        k: usize,
        embedder: String,
    },
}

impl Step {
    fn name(&self) -> &'static str {
        match self {
            Self::Search(search) => search.name(),
            Self::Finetune => "BootstrapFinetune",
            Self::Neighbours { .. } => "KnnFewShot",
        }
    }
}

/// The steps in their order. A setting that none of them has is refused, not passed over.
pub fn steps(args: &CompileArgs) -> Result<Vec<Step>, Failure> {
    let given = Given::of(args);
    let mut left = given.clone();
    let mut names = Vec::new();
    let mut steps = Vec::new();
    for kind in &args.optimizer {
        let mut own = given.clone();
        let step = step(*kind, args, &mut own);
        names.push(step.name());
        steps.push(step);
        left.0.retain(|setting| own.0.contains(setting));
    }
    match left.0.first() {
        Some(setting) => Err(Failure::usage(format!(
            "{setting}: is no setting of {}; leave it out",
            names.join(", ")
        ))),
        None => Ok(steps),
    }
}

fn step(kind: OptimizerKind, args: &CompileArgs, given: &mut Given) -> Step {
    use OptimizerKind as Kind;

    let proposes = [
        Kind::Auto,
        Kind::MiproV2,
        Kind::Copro,
        Kind::Gepa,
        Kind::Simba,
        Kind::InferRules,
    ];
    let is_taught = [
        Kind::Bootstrap,
        Kind::RandomSearch,
        Kind::MiproV2,
        Kind::Simba,
        Kind::InferRules,
        Kind::Knn,
        Kind::Finetune,
    ];
    if proposes.contains(&kind) {
        given.take("--proposer", ());
    }
    if is_taught.contains(&kind) {
        given.take("--teacher", ());
    }
    let mut candidates = || given.take("--candidates", args.candidates);
    let recipe: Box<dyn Recipe> = match kind {
        Kind::Auto => Box::new(Auto::new()),
        Kind::Labeled => {
            let labeled = given.take("--max-labeled", args.max_labeled);
            Box::new(set(LabeledFewShot::new(), labeled, LabeledFewShot::k))
        }
        Kind::Bootstrap => {
            let (made, all) = (BootstrapFewShot::max_bootstrapped, BootstrapFewShot::max_labeled);
            Box::new(with_demos(BootstrapFewShot::new(), args, given, made, all))
        }
        Kind::RandomSearch => {
            let optimizer = BootstrapRandomSearch::new();
            let optimizer = set(optimizer, candidates(), BootstrapRandomSearch::candidates);
            let made = BootstrapRandomSearch::max_bootstrapped;
            let all = BootstrapRandomSearch::max_labeled;
            Box::new(with_demos(optimizer, args, given, made, all))
        }
        Kind::MiproV2 => {
            let optimizer = set(MiproV2::new(), candidates(), MiproV2::candidates);
            let (made, all) = (MiproV2::max_bootstrapped, MiproV2::max_labeled);
            Box::new(with_demos(optimizer, args, given, made, all))
        }
        Kind::InferRules => {
            let optimizer = set(InferRules::new(), candidates(), InferRules::candidates);
            let (made, all) = (InferRules::max_bootstrapped, InferRules::max_labeled);
            Box::new(with_demos(optimizer, args, given, made, all))
        }
        Kind::Copro => Box::new(set(Copro::new(), candidates(), Copro::breadth)),
        Kind::Gepa => {
            let rollouts = given.take("--rollouts", args.rollouts);
            Box::new(set(Gepa::new(), rollouts, Gepa::rollouts))
        }
        Kind::Simba => {
            let optimizer = set(Simba::new(), candidates(), Simba::candidates);
            let labeled = given.take("--max-labeled", args.max_labeled);
            Box::new(set(optimizer, labeled, Simba::max_demos))
        }
        Kind::CheapestWithin => Box::new(cheapest_within(args, given)),
        Kind::Knn => {
            return Step::Neighbours {
                k: given.take("--neighbours", args.neighbours).unwrap_or(4),
                embedder: given
                    .take("--embedder", args.embedder.clone())
                    .unwrap_or("local".into()),
            };
        }
        Kind::Finetune => {
            given.take("--write-only", ());
            given.take("--train-further", ());
            return Step::Finetune;
        }
    };
    Step::Search(Box::new(Custom::new(recipe)))
}

fn cheapest_within(args: &CompileArgs, given: &mut Given) -> CheapestWithin {
    let space = &args.space;
    let tried = Space::all()
        .lms(&args.lm.lms)
        .adapters(given.take("--try-adapters", &space.try_adapters))
        .temperatures(
            given
                .take("--try-temperatures", &space.try_temperatures)
                .iter()
                .copied(),
        )
        .demos(given.take("--try-demos", &space.try_demos).iter().copied());
    let tried = match given.take("--try-reasoning", space.try_reasoning) {
        true => tried.reasoning(),
        false => tried,
    };
    CheapestWithin::points(given.take("--points", space.points).unwrap_or(2.0)).over(tried)
}

/// The numbers of demonstrations that are made and shown in all.
fn with_demos<O>(
    optimizer: O,
    args: &CompileArgs,
    given: &mut Given,
    made: impl FnOnce(O, usize) -> O,
    all: impl FnOnce(O, usize) -> O,
) -> O {
    let optimizer = set(
        optimizer,
        given.take("--max-bootstrapped", args.max_bootstrapped),
        made,
    );
    set(optimizer, given.take("--max-labeled", args.max_labeled), all)
}

fn set<O, V>(optimizer: O, value: Option<V>, with: impl FnOnce(O, V) -> O) -> O {
    match value {
        Some(value) => with(optimizer, value),
        None => optimizer,
    }
}

/// The settings a command gives that only some optimizers have. What one takes is struck out.
#[derive(Clone)]
struct Given(Vec<&'static str>);

impl Given {
    fn of(args: &CompileArgs) -> Self {
        let space = &args.space;
        let all = [
            ("--candidates", args.candidates.is_some()),
            ("--rollouts", args.rollouts.is_some()),
            ("--max-bootstrapped", args.max_bootstrapped.is_some()),
            ("--max-labeled", args.max_labeled.is_some()),
            ("--neighbours", args.neighbours.is_some()),
            ("--embedder", args.embedder.is_some()),
            ("--proposer", args.proposer.is_some()),
            ("--teacher", args.teacher.is_some()),
            ("--write-only", args.write_only),
            ("--train-further", args.train_further),
            ("--points", space.points.is_some()),
            ("--try-adapters", !space.try_adapters.is_empty()),
            ("--try-temperatures", !space.try_temperatures.is_empty()),
            ("--try-demos", !space.try_demos.is_empty()),
            ("--try-reasoning", space.try_reasoning),
        ];
        Self(
            all.into_iter()
                .filter(|(_, given)| *given)
                .map(|(name, _)| name)
                .collect(),
        )
    }

    /// The value, which is taken.
    fn take<V>(&mut self, name: &'static str, value: V) -> V {
        self.0.retain(|other| *other != name);
        value
    }
}
