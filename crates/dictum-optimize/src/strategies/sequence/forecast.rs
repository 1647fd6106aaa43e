//! What a sequence would take: its steps' own dry runs, each from what the one before it would make, and the end's.

use std::collections::BTreeMap;
use std::sync::Arc;

use dictum_core::data::Example;
use dictum_core::error::Result;
use dictum_core::lm::{Lm, Usage};
use dictum_core::program::{Context, DynModule};

use super::last::Last;
use super::step::Ground;
use super::{Sequence, calls};
use crate::candidate::{Candidate, Role};
use crate::compile::{Forecast, foresee_end};
use crate::engine::{Answered, Phase};
use crate::plan::as_it_is;

pub(super) async fn dry_run(
    own: &Sequence,
    ctx: &Context,
    program: &dyn DynModule,
    (train, val): (&[Example], &[Example]),
) -> Result<Forecast> {
    let last = own.last(program, val.len());
    let mut whole = Forecast {
        phases: Vec::new(),
        calls: 0,
        usage: Usage::default(),
        by_model: BTreeMap::new(),
        short: false,
        reasons: Vec::new(),
        notes: Vec::new(),
    };
    let mut start: Option<Arc<Candidate>> = None;
    let mut tuned: Vec<(String, Lm)> = Vec::new();
    for (place, step) in own.steps.iter().enumerate() {
        let share = own.share(place, whole.calls + last);
        if share == Some(0) {
            whole.short = true;
            break;
        }
        let options = own.of_step(place, step, share);
        let on = Ground {
            options: &options,
            ctx,
            program,
            start: start.as_deref(),
            tuned: &tuned,
            metric: &Answered,
        };
        let model = format!("the tuned model of step {}", place + 1);
        let (part, best, trained) = step.foresee(&on, train, val, &model).await?;
        add(&mut whole, part, &format!("{} {}", place + 1, step.name()));
        start = Some(best);
        tuned.extend(trained);
    }
    let mut options = own.options.clone();
    options.budget = calls(
        own.options
            .budget
            .calls
            .map(|calls| calls.saturating_sub(whole.calls)),
    );
    options.allow_overlap = true;
    options.run_dir = None;
    let choice = Last {
        steps: Vec::new(),
        legs: Vec::new(),
        asked: 0,
        why: String::new(),
    };
    let on = Ground {
        options: &options,
        ctx,
        program,
        start: None,
        tuned: &tuned,
        metric: &Answered,
    };
    let best = start.unwrap_or_else(|| Arc::new(as_it_is("as it is", Role::Student, program, &[])));
    let end = foresee_end(on.task(&choice), &best, train, val).await?;
    // What is wrong with the data was told by the steps; that the validation set is used again is meant so.
    let end = Forecast {
        notes: Vec::new(),
        ..end
    };
    add(&mut whole, end, "end");
    Ok(whole)
}

/// Adds what a part of it would take.
fn add(whole: &mut Forecast, part: Forecast, name: &str) {
    whole.phases.extend(part.phases.into_iter().map(|phase| Phase {
        name: format!("{name}: {}", phase.name),
        ..phase
    }));
    whole.calls += part.calls;
    whole.usage += part.usage;
    for (lm, usage) in part.by_model {
        *whole.by_model.entry(lm).or_default() += usage;
    }
    whole.short |= part.short;
    let reasons = part.reasons.into_iter();
    whole
        .reasons
        .extend(reasons.map(|reason| format!("{name}: {reason}")));
    for note in part.notes {
        if !whole.notes.contains(&note) {
            whole.notes.push(note);
        }
    }
}
