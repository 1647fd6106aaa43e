//! COPRO finds instructions that help, and claims nothing where nothing does.

use dictum_core::evaluate::Evaluate;
use dictum_core::lm::Budget;
use dictum_core::program::Context;
use dictum_optimize::{BootstrapRandomSearch, Compiled, Copro, Outcome};

use crate::facts::{self, BARE, TwoSteps, World, judged};
use crate::simulated::{Simulated, exact, examples, folder, program};

const SEEDS: u64 = 10;

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
    ($optimizer:expr) => {{
        let (mut sum, mut calls) = (0.0, 0);
        for seed in 0..SEEDS {
            let world = World { seed, demos: false };
            let lm = Simulated::new().facts(world);
            let ctx = lm.context();
            let (train, val) = (
                facts::examples(&format!("train {seed}"), 10),
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
async fn instructions_of_two_steps_are_found_one_after_the_other() {
    let budget = Budget::calls(3_000);
    let copro = || Copro::new().breadth(8).depth(2).budget(budget);
    let (random, _) = mean_of_two_steps!(BootstrapRandomSearch::new().budget(budget));
    let (whole, calls) = mean_of_two_steps!(copro());
    let (raced, fewer) = mean_of_two_steps!(copro().racing(0.05));
    eprintln!(
        "bare {BARE:.3}, random search {random:.3}, COPRO {whole:.3} ({calls} calls), raced {raced:.3} ({fewer} calls)"
    );
    assert!(whole > BARE + 0.2, "{whole}");
    assert!(
        raced > BARE + 0.2 && fewer < calls,
        "{raced}, {fewer} of {calls} calls"
    );
}

/// At a level of 5 % at most 1 or 2 of 30 runs may claim a gain by chance; more than 4 would happen in 1 of 60 suites.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn noise_is_not_called_a_gain() {
    for confirmed in [false, true] {
        let mut claims = 0;
        for seed in 0..30 {
            let proposer = Simulated::new().facts(World { seed, demos: false });
            let val = examples(&format!("val {seed}"), 40);
            let test = examples(&format!("test {seed}"), if confirmed { 60 } else { 0 });
            let compiled = Copro::new()
                .breadth(6)
                .depth(2)
                .seed(seed)
                .proposer_context(&proposer.context())
                .confirm_on(&test)
                .compile(
                    &Simulated::new().noise_only().context(),
                    &program(),
                    &examples("train", 5),
                    &val,
                    exact(),
                )
                .await
                .unwrap();
            claims += u32::from(compiled.outcome == Outcome::Improved);
        }
        eprintln!("COPRO on noise, confirmed: {confirmed}, claims: {claims} of 30");
        assert!(
            claims <= 4,
            "{claims} of 30 runs claim a gain (confirmed: {confirmed})"
        );
    }
}

macro_rules! saved {
    ($optimizer:expr, $name:expr) => {{
        let world = World {
            seed: 3,
            demos: false,
        };
        let lm = Simulated::new().facts(world).jitter();
        let dir = folder($name);
        let (train, val) = (facts::examples("train", 10), facts::examples("val", 30));
        let compiled = $optimizer
            .run_dir(&dir)
            .keep_best_anyway()
            .compile(&lm.context(), &TwoSteps::new(), &train, &val, judged(world))
            .await
            .unwrap();
        let bytes = std::fs::read(dir.join("program.json")).unwrap();
        (bytes, lm.calls(), compiled.report.summary)
    }};
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_seed_gives_the_same_bytes_and_budgets_of_any_size_end_cleanly() {
    for racing in [false, true] {
        let copro = |concurrency| {
            let copro = Copro::new().breadth(5).depth(2).seed(7).concurrency(concurrency);
            if racing { copro.racing(0.05) } else { copro }
        };
        let alone = saved!(copro(1), "copro-1");
        assert_eq!(alone, saved!(copro(16), "copro-16"));
        for calls in [1, 61, 70, 100, 300] {
            let few = |concurrency| copro(concurrency).budget(Budget::calls(calls));
            let alone = saved!(few(1), "copro-few-1");
            assert_eq!(alone, saved!(few(16), "copro-few-16"), "{calls} calls");
            assert!(alone.1 <= calls, "{} of {calls}", alone.1);
        }
    }
}

/// The proposer sees what was tried with its scores, and is never shown an example.
#[tokio::test]
async fn what_was_tried_is_shown_with_its_scores_and_no_example_is() {
    let world = World {
        seed: 3,
        demos: false,
    };
    let (lm, proposer) = (Simulated::new().facts(world), Simulated::new().facts(world));
    let (train, val) = (facts::examples("train", 10), facts::examples("val", 30));
    Copro::new()
        .breadth(4)
        .depth(2)
        .proposer_context(&proposer.context())
        .compile(&lm.context(), &TwoSteps::new(), &train, &val, judged(world))
        .await
        .unwrap();
    let prompts: Vec<String> = proposer
        .prompts()
        .iter()
        .map(|messages| {
            messages
                .iter()
                .map(|message| message.to_text())
                .collect::<Vec<_>>()
                .join("\n")
        })
        .collect();
    // Three for each step at first, then four each.
    assert_eq!(prompts.len(), 14);
    let scores = |prompt: &String| {
        let after = prompt.split("Score ").skip(1);
        after
            .map(|rest| rest.split(':').next().unwrap().parse::<f64>().unwrap())
            .collect::<Vec<_>>()
    };
    let shown: Vec<Vec<f64>> = prompts.iter().map(scores).collect();
    assert_eq!(
        shown.iter().filter(|scores| scores.len() >= 2).count(),
        8,
        "{shown:?}"
    );
    assert!(shown.iter().all(|scores| scores.is_sorted()), "{shown:?}");
    assert!(
        !prompts
            .iter()
            .any(|prompt| prompt.contains(" of train") || prompt.contains(" of val"))
    );
}

#[tokio::test]
async fn settings_that_make_no_sense_are_refused() {
    let lm = Simulated::new();
    let (train, val) = (examples("train", 5), examples("val", 5));
    for (optimizer, problem) in [
        (Copro::new().breadth(1), "breadth"),
        (Copro::new().depth(0), "depth"),
    ] {
        let ctx = lm.context();
        let error = optimizer
            .compile(&ctx, &program(), &train, &val, exact())
            .await
            .unwrap_err();
        assert!(error.to_string().contains(problem), "{error}");
    }
}
