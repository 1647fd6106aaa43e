//! Many calls at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use dictum_core::lm::{Budget, Lm, Meter};

use crate::call::{Bill, Outcome, make};
use crate::plan::{Dialect, Part, Plan};
use crate::report::{Report, Tally};

/// A model for each dialect.
#[derive(Debug, Clone)]
pub(crate) struct Models(Arc<Vec<(Dialect, Lm)>>);

impl Models {
    pub(crate) fn new<E: std::fmt::Display>(make: impl Fn(Dialect) -> Result<Lm, E>) -> Result<Self, String> {
        let models = Dialect::ALL.into_iter().map(|dialect| {
            let lm = make(dialect).map_err(|error| format!("no model: {error}"))?;
            Ok((dialect, lm))
        });
        Ok(Self(Arc::new(models.collect::<Result<_, String>>()?)))
    }

    fn of(&self, dialect: Dialect) -> Option<&Lm> {
        self.0.iter().find(|(own, _)| *own == dialect).map(|(_, lm)| lm)
    }
}

/// What the calls of a part are made with.
#[derive(Debug, Clone)]
pub(crate) struct Drive {
    pub(crate) seed: u64,
    pub(crate) part: Part,
    pub(crate) calls: u64,
    pub(crate) workers: u64,
    pub(crate) models: Models,
    pub(crate) meter: Meter,
    pub(crate) bill: Arc<Bill>,
    /// Calls that have ended.
    pub(crate) ended: Arc<AtomicU64>,
}

impl Drive {
    /// Makes all calls, so many at once, and hands each with its outcome to `judge`.
    pub(crate) async fn run(
        &self,
        report: &Arc<Report>,
        judge: impl Fn(u64, &Plan, &Outcome) + Clone + Send + Sync + 'static,
    ) -> Result<Tally, String> {
        let next = Arc::new(AtomicU64::new(0));
        // Each under a budget of its own that stands under the common one: what they count must come to the same.
        let meters: Vec<Meter> = (0..self.workers)
            .map(|_| self.meter.child(Budget::unlimited()))
            .collect();
        let workers: Vec<_> = meters
            .iter()
            .map(|meter| {
                let (own, meter, next, judge) =
                    (self.clone(), meter.clone(), Arc::clone(&next), judge.clone());
                let report = Arc::clone(report);
                tokio::spawn(async move {
                    let mut tally = Tally::default();
                    loop {
                        let n = next.fetch_add(1, Ordering::Relaxed);
                        if n >= own.calls {
                            return tally;
                        }
                        let plan = Plan::of(own.seed, own.part, n);
                        let Some(lm) = own.models.of(plan.dialect) else {
                            continue;
                        };
                        let outcome = make(lm, own.part, &plan, &meter, &own.bill).await;
                        own.ended.fetch_add(1, Ordering::Relaxed);
                        if let Some(wrong) = &outcome.wrong {
                            report.violated(format!("{} call {n} ({plan:?}): {wrong}", own.part.name()));
                        }
                        judge(n, &plan, &outcome);
                        tally.add(&outcome);
                    }
                })
            })
            .collect();
        let mut tally = Tally::default();
        for worker in workers {
            tally.merge(worker.await.map_err(|error| format!("a worker broke: {error}"))?);
        }
        report.bar(tally.total() == self.calls, || {
            format!(
                "{}: {} calls ended of {}",
                self.part.name(),
                tally.total(),
                self.calls
            )
        });
        let children: u64 = meters.iter().map(|meter| meter.spent().calls).sum();
        let common = self.meter.spent().calls;
        report.bar(children == common, || {
            format!("the nested budgets counted {children} calls, the common one {common}")
        });
        Ok(tally)
    }
}
