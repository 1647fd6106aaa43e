//! Faults of all kinds under all layers: each call ends as what befell it says, and all counts agree.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use dictum_core::lm::{Budget, LmError, LmErrorKind, Meter};
use dictum_testkit::Trouble;

use super::Run;
use crate::call::Outcome;
use crate::drive::{Drive, Models};
use crate::memory;
use crate::plan::{Dialect, Part, Plan};
use crate::server::Known;
use crate::{expect, stack};

/// How much more memory may be held late than early: what allocators keep, and no more.
const GROWTH: f64 = 1.10;
/// And beside that, in KiB.
const SLACK: u64 = 4 << 10;

/// What callers know of one request.
#[derive(Debug, Clone, Copy, Default)]
struct Had {
    /// Right answers that the model gave for it.
    answers: u64,
    /// Calls of the model that budgets counted.
    counted: u64,
    /// Whether its caller was in haste.
    hasty: bool,
}

/// By the number of the call whose request it is. All entries are there from the start, so that the record does not grow while
/// memory is watched.
type Seen = Arc<Mutex<Vec<Had>>>;

pub(crate) async fn run(run: Run<'_>) -> Result<(), String> {
    let report = run.report;
    report.part("Faults of all kinds, all layers");
    let store = stack::store();
    let drive = Drive {
        seed: run.seed,
        part: Part::Faults,
        calls: run.calls,
        workers: 256,
        models: Models::new(|dialect| stack::full(dialect, run.server.main, &store))?,
        meter: Meter::new(Budget::calls(u64::MAX)),
        bill: Arc::default(),
        ended: Arc::default(),
    };
    let (stop, stopped) = tokio::sync::oneshot::channel();
    let watch = tokio::spawn(memory::watch(Arc::clone(&drive.ended), stopped));
    let seen: Seen = Arc::new(Mutex::new(vec![Had::default(); run.calls as usize]));
    let begun = Instant::now();
    let judge = {
        let (report, seen) = (Arc::clone(report), Arc::clone(&seen));
        move |n: u64, plan: &Plan, outcome: &Outcome| {
            if let Some(wrong) = judged(plan, outcome) {
                report.violated(format!("faults call {n} ({plan:?}): {wrong}"));
            }
            let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(had) = seen.get_mut(plan.of as usize) {
                had.answers += u64::from(outcome.is_own());
                had.counted += outcome.counted;
                had.hasty |= plan.hasty.is_some();
            }
        }
    };
    let tally = drive.run(report, judge).await?;
    let took = begun.elapsed().as_secs_f64();
    drop(stop);
    let samples = watch.await.map_err(|error| format!("no samples: {error}"))?;

    report.figure("calls", run.calls);
    report.figure("seconds", format!("{took:.0}"));
    report.figure("calls per second", format!("{:.0}", run.calls as f64 / took));
    met(run);
    tally.tell(report);
    let ledger = run.server.ledger(Part::Faults)?;
    counts(run, &drive, &ledger);
    let seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
    one_by_one(run, &ledger, &seen);
    let left = run.server.left_in_flight()?;
    report.figure("requests the server still works on", left);
    report.bar(left == 0, || {
        format!("{left} requests are still in work: their connections were not closed")
    });
    held(run, &samples);
    Ok(())
}

/// What befell the calls, by what and where.
fn met(run: Run<'_>) {
    let plans: Vec<Plan> = (0..run.calls)
        .map(|n| (n, Plan::of(run.seed, Part::Faults, n)))
        .filter(|(n, plan)| plan.of == *n)
        .map(|(_, plan)| plan)
        .collect();
    for dialect in Dialect::ALL {
        let own = plans.iter().filter(|plan| plan.dialect == dialect);
        let (streams, whole): (Vec<&Plan>, Vec<&Plan>) = own.partition(|plan| plan.streams);
        run.report.figure(
            &format!("requests in {}", dialect.name()),
            format!("{} whole, {} streamed", whole.len(), streams.len()),
        );
    }
    for trouble in Trouble::ALL {
        let attempts = |streams: bool| -> usize {
            plans
                .iter()
                .filter(|plan| plan.streams == streams)
                .map(|plan| {
                    let made = expect::end(plan).0 as usize;
                    plan.troubles
                        .iter()
                        .take(made)
                        .filter(|own| **own == trouble)
                        .count()
                })
                .sum()
        };
        run.report.figure(
            &format!("attempts meant to meet: {}", trouble.name()),
            format!("{} whole, {} streamed", attempts(false), attempts(true)),
        );
    }
}

/// Whether a call ended as what befell it says.
fn judged(plan: &Plan, outcome: &Outcome) -> Option<String> {
    let (attempts, kind) = expect::end(plan);
    match &outcome.result {
        // In haste, any failure may be the last, and time may run out at any moment.
        Err(error) if plan.hasty.is_some() => {
            (error.kind() == LmErrorKind::Internal).then(|| format!("it ended with {error}"))
        }
        Ok(response) => {
            if kind.is_some() {
                return Some(format!("it was answered, and {kind:?} was due"));
            }
            (outcome.is_own() && response.attempts != attempts)
                .then(|| format!("answered at attempt {}, due at {attempts}", response.attempts))
        }
        Err(error) => {
            let told: &LmError = error;
            (outcome.kind() != kind || told.attempts() != attempts).then(|| {
                format!(
                    "{told} (attempts: {}), due {kind:?} at {attempts}",
                    told.attempts()
                )
            })
        }
    }
}

/// The budget's counts against the server's and the callers'.
fn counts(run: Run<'_>, drive: &Drive, ledger: &HashMap<u64, Known>) {
    let report = run.report;
    let spent = drive.meter.spent();
    let requests: u64 = ledger.values().map(|known| known.requests).sum();
    report.figure("calls by the budget's count", spent.calls);
    report.figure("requests by the server's count", requests);
    let tokens = drive.bill.tokens();
    report.figure("tokens by the budget's count", spent.tokens);
    report.figure("tokens by what callers were given", tokens);
    report.bar(spent.tokens == tokens, || {
        format!("the budget counted {} tokens, callers {tokens}", spent.tokens)
    });
    let usd = drive.bill.nano_usd();
    report.figure("US dollars by the budget's count", format!("{:.6}", spent.usd));
    report.bar((spent.usd * 1e9).round() as u64 == usd, || {
        format!("the budget counted ${}, callers ${}", spent.usd, usd as f64 / 1e9)
    });
}

/// For each request: the budgets of its callers counted what the server saw, and each right answer of the server reached a
/// caller, once.
fn one_by_one(run: Run<'_>, ledger: &HashMap<u64, Known>, seen: &[Had]) {
    let (mut anew, mut unsent) = (0, 0);
    for (had, n) in seen.iter().zip(0..) {
        let known = ledger.get(&n).copied().unwrap_or_default();
        anew += known.answers.saturating_sub(1);
        // Of a call in haste, the last attempt may be given up before it is sent or while its answer is on the way.
        let slack = u64::from(had.hasty);
        unsent += had.counted.saturating_sub(known.requests);
        run.report.bar(
            (known.requests..=known.requests + slack).contains(&had.counted),
            || {
                format!(
                    "faults call {n}: the server saw {} requests, budgets counted {}",
                    known.requests, had.counted
                )
            },
        );
        run.report.bar(
            (had.answers..=had.answers + slack).contains(&known.answers),
            || {
                format!(
                    "faults call {n}: the server gave {} right answers, callers have {}",
                    known.answers, had.answers
                )
            },
        );
    }
    run.report
        .figure("calls counted and given up before they were sent", unsent);
    run.report.figure("repeats that were made anew", anew);
}

fn held(run: Run<'_>, samples: &memory::Samples) {
    let report = run.report;
    let Some(held) = samples.held(run.calls) else {
        report.figure("memory", "not told by this system, not judged");
        return;
    };
    let mib = |kib: u64| format!("{:.1} MiB", kib as f64 / 1024.0);
    report.figure("memory, from 20 to 40 % of the calls", mib(held.early_kib));
    report.figure("memory, the last 20 %", mib(held.late_kib));
    report.figure("memory, most", mib(held.most_kib));
    report.figure(
        "open files, early and late",
        format!("{}, {}", held.early_files, held.late_files),
    );
    let most = (held.early_kib as f64 * GROWTH) as u64 + SLACK;
    report.bar(held.late_kib <= most, || {
        format!(
            "memory grew from {} to {}",
            mib(held.early_kib),
            mib(held.late_kib)
        )
    });
    // Connections and little else: there are never more than there are callers at once.
    report.bar(held.late_files <= 256 * 2 + 64, || {
        format!("{} files are open at the end", held.late_files)
    });
}
