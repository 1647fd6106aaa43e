//! A server that goes down and comes back, again and again, with all connections, under circuit and fallback.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use dictum_core::lm::{Budget, LmErrorKind, Meter};

use super::Run;
use crate::call::Outcome;
use crate::drive::{Drive, Models};
use crate::plan::{Part, Plan};
use crate::stack;

/// How long it is up and how long down.
const UP: Duration = Duration::from_millis(250);
const DOWN: Duration = Duration::from_millis(120);

pub(crate) async fn run(run: Run<'_>) -> Result<(), String> {
    let report = run.report;
    report.part("A server that restarts, with another to fall back on");
    let drive = Drive {
        seed: run.seed,
        part: Part::Outage,
        calls: run.calls,
        workers: 64,
        models: Models::new(|dialect| stack::with_spare(dialect, run.server.main, run.server.spare))?,
        meter: Meter::new(Budget::calls(u64::MAX)),
        bill: Arc::default(),
        ended: Arc::new(AtomicU64::new(0)),
    };
    let judge = {
        let report = Arc::clone(report);
        move |n: u64, plan: &Plan, outcome: &Outcome| {
            // A stream that had begun when the server went down can't be taken back. All else the spare answers.
            let fits = match outcome.kind() {
                None => true,
                Some(LmErrorKind::Transport) => plan.streams,
                Some(_) => false,
            };
            report.bar(fits, || {
                format!("outage call {n} ({plan:?}): ended with {:?}", outcome.result)
            });
        }
    };
    let mut restarts = 0;
    let calls = drive.run(report, judge);
    let mut calls = std::pin::pin!(calls);
    let tally = loop {
        if let Ok(tally) = tokio::time::timeout(UP, &mut calls).await {
            break tally?;
        }
        run.server.down()?;
        restarts += 1;
        let ended = tokio::time::timeout(DOWN, &mut calls).await;
        run.server.up()?;
        if let Ok(tally) = ended {
            break tally?;
        }
    };
    let ledger = run.server.ledger(Part::Outage)?;
    let requests: u64 = ledger.values().map(|known| known.requests).sum();
    let spent = drive.meter.spent();
    report.figure("calls", drive.ended.load(Ordering::Relaxed));
    report.figure("restarts", restarts);
    report.figure("calls by the budget's count", spent.calls);
    report.figure("requests that reached a server", requests);
    tally.tell(report);
    report.bar(spent.calls >= requests, || {
        format!(
            "{requests} requests reached a server, and the budget counted {}",
            spent.calls
        )
    });
    report.bar(spent.tokens == drive.bill.tokens(), || {
        format!(
            "the budget counted {} tokens, callers {}",
            spent.tokens,
            drive.bill.tokens()
        )
    });
    let unanswered = ledger.values().filter(|known| known.answers == 0).count() as u64;
    report.bar(tally.right() + unanswered <= run.calls, || {
        format!(
            "{} right answers, though no server answered {unanswered}",
            tally.right()
        )
    });
    Ok(())
}
