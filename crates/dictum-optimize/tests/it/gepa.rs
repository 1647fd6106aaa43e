//! [`Gepa`] on the simulated task of two steps: it finds the rules, claims nothing by chance, and keeps its budget.

use dictum_core::data::Example;
use dictum_core::evaluate::Evaluate;
use dictum_core::lm::Budget;
use dictum_core::program::Context;
use dictum_optimize::gepa::{Components, Frontier, Parent, Sampling, Selection};
use dictum_optimize::{BootstrapRandomSearch, Compiled, Gepa, Outcome};

use crate::facts::{self, TwoSteps, World};
use crate::simulated::{Simulated, folder};

const SEEDS: u64 = 10;
/// Rollouts of each search.
const ROLLOUTS: usize = 700;

fn world(seed: u64) -> World {
    World { seed, demos: false }
}

fn data(seed: u64) -> (Vec<Example>, Vec<Example>) {
    (
        facts::examples(&format!("train {seed}"), 40),
        facts::examples(&format!("val {seed}"), 50),
    )
}

/// Mean score of a compiled program on data of its own.
async fn unseen(ctx: &Context, compiled: &Compiled, seed: u64) -> f64 {
    let mut program = TwoSteps::new();
    compiled.apply(&mut program).unwrap();
    let data = facts::examples(&format!("unseen {seed}"), 300);
    let report = Evaluate::new(&data, facts::judged(world(seed)))
        .run(ctx, &program)
        .await
        .unwrap();
    report.mean().unwrap()
}

macro_rules! compile {
    ($optimizer:expr, $lm:expr, $seed:expr) => {{
        let (train, val) = data($seed);
        $optimizer
            .seed($seed)
            .compile(&$lm.context(), &TwoSteps::new(), &train, &val, facts::judged(world($seed)))
            .await
            .unwrap()
    }};
}

macro_rules! mean_unseen {
    ($optimizer:expr) => {{
        let mut sum = 0.0;
        for seed in 0..SEEDS {
            let lm = Simulated::new().facts(world(seed));
            let compiled = compile!($optimizer.keep_best_anyway(), lm, seed);
            sum += unseen(&lm.context(), &compiled, seed).await;
        }
        sum / SEEDS as f64
    }};
}

#[tokio::test]
async fn it_finds_rules_that_random_search_cannot() {
    let calls = Budget::calls(2 * ROLLOUTS as u64);
    let random = mean_unseen!(BootstrapRandomSearch::new().budget(calls));
    let one = mean_unseen!(Gepa::new().rollouts(ROLLOUTS).budget(calls));
    let four = mean_unseen!(Gepa::new().rollouts(ROLLOUTS).budget(calls).sampling(Sampling::Independent(4)));
    let merged = mean_unseen!(Gepa::new().rollouts(ROLLOUTS).budget(calls).merge());
    eprintln!(
        "bare {:.3}, optimum {:.3}; random search {random:.3}, gepa {one:.3}, four at a time {four:.3}, merging {merged:.3}",
        facts::BARE,
        facts::OPTIMUM
    );
}
