//! A budget that is too small for what is asked: it is spent to the last call and not beyond, by the server's own count.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use dictum_core::lm::{Budget, LmErrorKind, Meter};

use super::Run;
use crate::call::Outcome;
use crate::drive::{Drive, Models};
use crate::plan::{Part, Plan};
use crate::{expect, stack};

pub(crate) async fn run(run: Run<'_>) -> Result<(), String> {
    let report = run.report;
    report.part("A budget that is too small");
    let wanted: u64 = (0..run.calls)
        .map(|n| u64::from(expect::end(&Plan::of(run.seed, Part::Budget, n)).0))
        .sum();
    let limit = wanted * 6 / 10;
    let store = stack::store();
    let drive = Drive {
        seed: run.seed,
        part: Part::Budget,
        calls: run.calls,
        workers: 128,
        models: Models::new(|dialect| stack::full(dialect, run.server.main, &store))?,
        meter: Meter::new(Budget::calls(limit)),
        bill: Arc::default(),
        ended: Arc::new(AtomicU64::new(0)),
    };
    let judge = {
        let report = Arc::clone(report);
        move |n: u64, plan: &Plan, outcome: &Outcome| {
            let (_, due) = expect::end(plan);
            let kind = outcome.kind();
            report.bar(kind == due || kind == Some(LmErrorKind::Budget), || {
                format!(
                    "budget call {n} ({plan:?}): ended with {:?}, due {due:?}",
                    outcome.result
                )
            });
        }
    };
    let tally = drive.run(report, judge).await?;
    let ledger = run.server.ledger(Part::Budget)?;
    let requests: u64 = ledger.values().map(|known| known.requests).sum();
    let answers: u64 = ledger.values().map(|known| known.answers).sum();
    let spent = drive.meter.spent();
    report.figure("calls", run.calls);
    report.figure("model calls they would take", wanted);
    report.figure("model calls allowed", limit);
    report.figure("calls by the budget's count", spent.calls);
    report.figure("requests by the server's count", requests);
    tally.tell(report);
    report.bar(requests == limit && spent.calls == limit, || {
        format!(
            "a budget of {limit} calls let {requests} through and counted {}",
            spent.calls
        )
    });
    report.bar(answers == tally.right(), || {
        format!(
            "the server gave {answers} right answers, callers have {}",
            tally.right()
        )
    });
    report.bar(spent.tokens == drive.bill.tokens(), || {
        format!(
            "the budget counted {} tokens, callers {}",
            spent.tokens,
            drive.bill.tokens()
        )
    });
    Ok(())
}
