//! Sets of demonstrations to choose from.

use std::sync::Arc;

use dictum_core::error::Result;
use dictum_core::program::Demo;

use super::super::bootstrapper::{Bootstrap, Bootstrapper};
use super::super::demos;
use crate::candidate::{Candidate, InputKey};
use crate::plan::Plan;
use crate::rng::Rng;
use crate::strategy::{Done, Job};

/// Demonstrations of one predictor, with the examples they were made from.
#[derive(Debug, Clone, Default)]
pub(super) struct DemoSet {
    pub(super) demos: Vec<Demo>,
    pub(super) sources: Vec<Option<InputKey>>,
}

/// Bootstraps a number of sets, at once.
pub(super) struct Sets {
    /// Those that need no teacher.
    made: Vec<Candidate>,
    making: Vec<(String, Bootstrapper)>,
    asked: Vec<usize>,
}

/// When no demonstrations are wanted, so many are made for the proposer to see.
const FOR_PROPOSER: usize = 3;

impl Sets {
    /// At most so many sets: the program's own, none where it has some, labelled ones, one bootstrap in the trainset's
    /// order, and bootstraps of random size over the shuffled trainset. For a zero-shot search, bootstraps that only
    /// the proposer sees, if it is to see any.
    pub(super) fn new(how: &Bootstrap, count: usize, show: bool, plan: &Plan) -> Self {
        let mut how = how.clone();
        let mut made = vec![(*plan.baseline).clone()];
        if how.max_bootstrapped == 0 && how.max_labeled == 0 {
            if !show {
                return Self::of(made, Vec::new());
            }
            how.max_bootstrapped = FOR_PROPOSER;
        } else {
            if plan.baseline.demos() > 0 {
                made.push(demos::with_labeled(&plan.baseline, "none", plan, 0, false));
            }
            if how.max_labeled > 0 {
                made.push(demos::with_labeled(
                    &plan.baseline,
                    "labeled",
                    plan,
                    how.max_labeled,
                    true,
                ));
            }
        }
        let teacher = how.teacher(plan);
        let mut making = Vec::new();
        for number in 0..count.saturating_sub(made.len()) {
            let mut rng = Rng::of(&("demo set", plan.seed, number));
            let mut pool = plan.trainset.clone();
            let mut want = how.max_bootstrapped;
            if number > 0 {
                rng.shuffle(&mut pool);
                want = if want == 0 { 0 } else { 1 + rng.below(want) };
            }
            let label = format!("demos {number}");
            making.push((label, Bootstrapper::new(&how, want, teacher.clone(), pool)));
        }
        made.truncate(count.max(1));
        Self::of(made, making)
    }

    fn of(made: Vec<Candidate>, making: Vec<(String, Bootstrapper)>) -> Self {
        Self {
            made,
            making,
            asked: Vec::new(),
        }
    }

    /// The next attempts of all sets; none when they are made.
    pub(super) fn ask(&mut self) -> Vec<Job> {
        let mut jobs = Vec::new();
        self.asked.clear();
        for (_, bootstrapper) in &mut self.making {
            let more = bootstrapper.ask();
            self.asked.push(more.len());
            jobs.extend(more);
        }
        jobs
    }

    pub(super) fn tell(&mut self, mut done: &[Option<Arc<Done>>]) -> Result<()> {
        for ((_, bootstrapper), count) in self.making.iter_mut().zip(std::mem::take(&mut self.asked)) {
            let (mine, others) = done.split_at_checked(count).unwrap_or((done, &[]));
            done = others;
            bootstrapper.tell(mine)?;
        }
        Ok(())
    }

    /// The sets of each predictor, its own first; equal ones once.
    pub(super) fn take(&mut self, plan: &Plan, notes: &mut Vec<String>) -> Vec<Vec<DemoSet>> {
        let mut all = std::mem::take(&mut self.made);
        for (label, bootstrapper) in std::mem::take(&mut self.making) {
            notes.extend(bootstrapper.note().map(|note| format!("{label}: {note}")));
            all.push(bootstrapper.candidate(&label, plan));
        }
        let of = |path: &str| {
            let mut sets: Vec<DemoSet> = Vec::new();
            for candidate in &all {
                let demos = candidate.overlay().get(path).map(|state| state.demos.clone());
                let demos = demos.unwrap_or_default();
                if sets.iter().all(|set| set.demos != demos) {
                    let sources = candidate.sources_of(path);
                    sets.push(DemoSet { demos, sources });
                }
            }
            sets
        };
        plan.predictors.iter().map(|part| of(&part.path)).collect()
    }
}
