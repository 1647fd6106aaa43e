//! MIPROv2 finds instructions and demonstrations that help, and claims nothing where nothing does.

use dictum_core::evaluate::Evaluate;
use dictum_core::lm::Budget;
use dictum_core::program::{Context, Demo, PredictorState};
use dictum_core::record;
use dictum_optimize::{Auto, BootstrapRandomSearch, Compiled, MiproV2, Outcome};

use crate::facts::{self, BARE, TwoSteps, World, judged};
use crate::simulated::{Simulated, exact, examples, folder, program};

const SEEDS: u64 = 10;

/// Mean score of a compiled program of two steps on data of its own.
async fn unseen(ctx: &Context, world: World, compiled: &Compiled, seed: u64) -> f64 {
    let mut program = TwoSteps::new();
    compiled.apply(&mut program).unwrap();
    let data = facts::examples(&format!("unseen {seed}"), 200);
    let report = Evaluate::new(&data, judged(world))
        .run(ctx, &program)
        .await
        .unwrap();
    report.mean().unwrap()
}

macro_rules! mean_of_two_steps {
    ($demos:expr, $optimizer:expr) => {{
        let (mut sum, mut calls) = (0.0, 0);
        for seed in 0..SEEDS {
            let world = World { seed, demos: $demos };
            let lm = Simulated::new().facts(world);
            let ctx = lm.context();
            let (train, val) = (
                facts::examples(&format!("train {seed}"), 40),
                facts::examples(&format!("val {seed}"), 60),
            );
            let compiled = $optimizer
                .seed(seed)
                .keep_best_anyway()
                .compile(&ctx, &TwoSteps::new(), &train, &val, judged(world))
                .await
                .unwrap();
            calls += lm.calls();
            sum += unseen(&ctx, world, &compiled, seed).await;
        }
        (sum / SEEDS as f64, calls / SEEDS)
    }};
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn instructions_of_two_steps_are_found_together() {
    let zero_shot = || {
        MiproV2::new()
            .max_bootstrapped(0)
            .max_labeled(0)
            .budget(Budget::calls(3_000))
    };
    let (light, light_calls) = mean_of_two_steps!(false, zero_shot());
    let (heavy, heavy_calls) = mean_of_two_steps!(false, zero_shot().auto(Auto::Heavy));
    eprintln!(
        "bare {BARE:.3}, light {light:.3} ({light_calls} calls), heavy {heavy:.3} ({heavy_calls} calls)"
    );
    assert!(light > BARE + 0.05, "{light}");
    assert!(heavy > BARE + 0.2, "{heavy}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_both_matter_both_are_found() {
    let budget = Budget::calls(4_000);
    let search = || {
        BootstrapRandomSearch::new()
            .max_labeled(4)
            .candidates(24)
            .budget(budget)
    };
    let mipro = || MiproV2::new().auto(Auto::Medium).budget(budget);
    let (random, random_calls) = mean_of_two_steps!(true, search());
    let (both, calls) = mean_of_two_steps!(true, mipro());
    eprintln!("random search {random:.3} ({random_calls} calls), both {both:.3} ({calls} calls)");
    assert!(both > random + 0.02, "{both} {random}");
}
