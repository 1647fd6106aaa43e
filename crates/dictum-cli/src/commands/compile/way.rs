//! What a command does to a program: one search, one training, or several of both one after another.

use dictum_core::data::Example;
use dictum_core::evaluate::Metric;
use dictum_core::lm::Budget;
use dictum_core::program::Context;
use dictum_optimize::finetune::TrainingData;
use dictum_optimize::{BootstrapFinetune, Compiled, Forecast, Sequence, Stop};
use indicatif::ProgressBar;

use super::recipe::{Search, Step};
use super::{finetune, progress};
use crate::args::CompileArgs;
use crate::failure::Failure;
use crate::program::Program;

/// The contexts of models other than the one that does the task.
pub struct Models {
    pub proposer: Option<Context>,
    pub teacher: Option<Context>,
}

pub enum Way {
    Search(Search),
    Finetune(Box<BootstrapFinetune>),
    Sequence(Sequence),
}

/// What came of it.
pub struct Found {
    pub compiled: Compiled,
    /// The models that were trained, whether the program names them or not.
    pub trained: Vec<String>,
}

/// The data of a command.
pub struct Data {
    pub train: Vec<Example>,
    pub val: Vec<Example>,
    pub test: Vec<Example>,
}

/// An optimizer with the options that all share under the same names.
macro_rules! with_options {
    ($optimizer:expr, $args:expr, $data:expr, $bar:expr, $stop:expr) => {{
        let mut optimizer = $optimizer
            .seed($args.seed)
            .concurrency($args.concurrency)
            .stop_with($stop)
            .on_progress(progress($args, $bar.clone()));
        if let Some(calls) = $args.budget_calls {
            optimizer = optimizer.budget(Budget::calls(calls));
        }
        if let Some(folder) = &$args.run_dir {
            optimizer = optimizer.run_dir(folder);
        }
        if !$data.test.is_empty() {
            optimizer = optimizer.confirm_on(&$data.test);
        }
        optimizer
    }};
}
pub(super) use with_options;

fn alone() -> Failure {
    Failure::usage(
        "--optimizer knn: works alone; its index makes another program, which is no step of a list",
    )
}

impl Way {
    /// The steps as one. A training knows its service only if `connected`: to foresee it, or to write its files, takes none.
    pub fn of(
        args: &CompileArgs,
        steps: Vec<Step>,
        models: &Models,
        connected: bool,
        (data, bar, stop): (&Data, &ProgressBar, &Stop),
    ) -> Result<Self, Failure> {
        let search = |mut search: Search| {
            if let Some(ctx) = &models.proposer {
                search = search.proposer_context(ctx);
            }
            if let Some(ctx) = &models.teacher {
                search = search.teacher_context(ctx);
            }
            search
        };
        let training = || {
            let mut tuner = BootstrapFinetune::new();
            if let Some(ctx) = &models.teacher {
                tuner = tuner.teacher_context(ctx);
            }
            if args.train_further {
                tuner = tuner.train_further();
            }
            match connected {
                true => finetune::connect(args, tuner, bar),
                false => Ok(tuner),
            }
        };
        if steps.len() > 1 {
            let mut sequence = Sequence::new();
            for step in steps {
                sequence = match step {
                    Step::Search(own) => sequence.then(search(*own)),
                    Step::Finetune => sequence.then_finetune(training()?),
                    Step::Neighbours { .. } => return Err(alone()),
                };
            }
            return Ok(Self::Sequence(with_options!(sequence, args, data, bar, stop)));
        }
        match steps.into_iter().next() {
            Some(Step::Search(own)) => Ok(Self::Search(with_options!(search(*own), args, data, bar, stop))),
            Some(Step::Finetune) => {
                let tuner = with_options!(training()?, args, data, bar, stop);
                Ok(Self::Finetune(Box::new(tuner)))
            }
            // It goes its own way before.
            Some(Step::Neighbours { .. }) => Err(alone()),
            None => Err(Failure::usage("--optimizer: name one at least")),
        }
    }

    pub async fn dry_run(
        &self,
        ctx: &Context,
        program: &Program,
        Data { train, val, .. }: &Data,
    ) -> dictum_core::Result<Forecast> {
        match self {
            Self::Search(search) => search.dry_run(ctx, &program.module, train, val).await,
            Self::Finetune(tuner) => tuner.dry_run(ctx, &program.module, train, val).await,
            Self::Sequence(sequence) => sequence.dry_run(ctx, &program.module, train, val).await,
        }
    }

    pub async fn compile(
        &self,
        ctx: &Context,
        program: &Program,
        Data { train, val, .. }: &Data,
        metric: impl Metric,
    ) -> dictum_core::Result<Found> {
        match self {
            Self::Search(search) => Ok(Found {
                compiled: search.compile(ctx, &program.module, train, val, metric).await?,
                trained: Vec::new(),
            }),
            Self::Finetune(tuner) => {
                let found = tuner.compile(ctx, &program.module, train, val, metric).await?;
                let trained = found.lms().map(|(name, _)| name.to_owned()).collect();
                let compiled = found.compiled;
                Ok(Found { compiled, trained })
            }
            Self::Sequence(sequence) => {
                let found = sequence.compile(ctx, &program.module, train, val, metric).await?;
                let trained = found.lms().map(|(name, _)| name.to_owned()).collect();
                let mut compiled = found.compiled;
                // Its own report counts the choice at the end alone.
                compiled.report.spent = found.spent;
                Ok(Found { compiled, trained })
            }
        }
    }

    /// Writes the files of a training, and trains nothing.
    pub async fn write(
        &self,
        ctx: &Context,
        program: &Program,
        data: &Data,
        metric: impl Metric,
    ) -> Result<TrainingData, Failure> {
        match self {
            Self::Finetune(tuner) => Ok(tuner.write(ctx, &program.module, &data.train, metric).await?),
            _ => Err(Failure::usage("--write-only: is for --optimizer finetune alone")),
        }
    }
}
