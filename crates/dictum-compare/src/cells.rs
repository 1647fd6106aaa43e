//! What is compared: tasks, systems, optimizers, seeds.

use std::fmt;

use crate::Or;
use crate::args::Args;
use crate::tasks::Task;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum System {
    Dictum,
    Dspy,
}

impl System {
    pub(crate) const ALL: [Self; 2] = [Self::Dictum, Self::Dspy];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Dictum => "dictum",
            Self::Dspy => "dspy",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Optimizer {
    Baseline,
    /// The program as it is with the default adapter of both systems, where every other cell has the JSON adapter: it tells which
    /// of them this model is better off with.
    BaselineChat,
    RandomSearch,
    Mipro,
    Gepa,
    Simba,
}

impl Optimizer {
    pub(crate) const ALL: [Self; 6] = [
        Self::Baseline,
        Self::BaselineChat,
        Self::RandomSearch,
        Self::Mipro,
        Self::Gepa,
        Self::Simba,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Baseline => "baseline",
            Self::BaselineChat => "baseline-chat",
            Self::RandomSearch => "random-search",
            Self::Mipro => "mipro",
            Self::Gepa => "gepa",
            Self::Simba => "simba",
        }
    }

    /// As users know it.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Baseline => "as it is",
            Self::BaselineChat => "as it is, chat layout",
            Self::RandomSearch => "`BootstrapRandomSearch`",
            Self::Mipro => "`MiproV2`",
            Self::Gepa => "`Gepa`",
            Self::Simba => "`Simba`",
        }
    }

    /// Whether nothing is searched. It needs one seed only: answers are greedy, rows the same.
    pub(crate) fn is_baseline(self) -> bool {
        matches!(self, Self::Baseline | Self::BaselineChat)
    }

    /// The layout of prompts and answers.
    pub(crate) fn adapter(self) -> &'static str {
        match self {
            Self::BaselineChat => "chat",
            _ => "json",
        }
    }

    /// Whether it asks a model for proposals.
    pub(crate) fn proposes(self) -> bool {
        matches!(self, Self::Mipro | Self::Gepa | Self::Simba)
    }
}

/// One optimizer of one system on one task with one seed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cell {
    pub(crate) task: Task,
    pub(crate) system: System,
    pub(crate) optimizer: Optimizer,
    pub(crate) seed: u64,
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (task, system, optimizer) = (self.task.name(), self.system.name(), self.optimizer.name());
        write!(f, "{task}/{system}/{optimizer}/{}", self.seed)
    }
}

impl Cell {
    pub(crate) fn file_name(&self, ending: &str) -> String {
        format!("{}.{ending}", self.to_string().replace('/', "-"))
    }
}

fn every(args: &Args) -> Vec<Cell> {
    let seeds = if args.quick { 1 } else { args.seeds };
    let mut cells = Vec::new();
    // The first seed of everything comes first, so that half a run tells something.
    for seed in 1..=seeds as u64 {
        for task in Task::ALL {
            for optimizer in Optimizer::ALL {
                if optimizer.is_baseline() && seed > 1 {
                    continue;
                }
                cells.extend(System::ALL.map(|system| Cell {
                    task,
                    system,
                    optimizer,
                    seed,
                }));
            }
        }
    }
    cells
}

/// The cells that were asked for, in the order they are run.
pub(crate) fn all(args: &Args) -> Vec<Cell> {
    let mut cells = every(args);
    if let Some(part) = &args.only {
        cells.retain(|cell| cell.to_string().contains(part.as_str()));
    }
    cells
}

/// The cell of this name.
pub(crate) fn find(args: &Args, name: &str) -> Or<Cell> {
    let found = every(args).into_iter().find(|cell| cell.to_string() == name);
    found.ok_or_else(|| format!("there is no cell `{name}`").into())
}
