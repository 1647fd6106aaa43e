//! MIPROv2 finds instructions and demonstrations that help, and claims nothing where nothing does.

use std::collections::HashSet;

use dictum_core::evaluate::Evaluate;
use dictum_core::lm::Budget;
use dictum_core::program::{Context, Demo, PredictorState};
use dictum_core::record;
use dictum_optimize::{BootstrapRandomSearch, Compiled, Effort, MiproV2, Outcome};

use crate::facts::{self, BARE, TwoSteps, World, judged};
use crate::simulated::{Simulated, exact, examples, folder, program, shown};

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
    let (heavy, heavy_calls) = mean_of_two_steps!(false, zero_shot().auto(Effort::Heavy));
    let (whole, whole_calls) = mean_of_two_steps!(false, zero_shot().auto(Effort::Heavy).use_budget());
    let (full, full_calls) = mean_of_two_steps!(
        false,
        zero_shot().auto(Effort::Heavy).use_budget().full_evaluations()
    );
    eprintln!(
        "to the end of the budget {whole:.3} ({whole_calls} calls), the same without minibatches {full:.3} ({full_calls} calls)"
    );
    assert!(
        whole_calls > 2_900 && whole > heavy - 0.05,
        "{whole}, {whole_calls} calls"
    );
    eprintln!(
        "bare {BARE:.3}, light {light:.3} ({light_calls} calls), heavy {heavy:.3} ({heavy_calls} calls)"
    );
    assert!(light > BARE + 0.05, "{light}");
    assert!(heavy > BARE + 0.2, "{heavy}");
}

/// At a level of 5 % at most 1 or 2 of 30 runs may claim a gain by chance; more than 4 would happen in 1 of 60 suites.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn noise_is_not_called_a_gain() {
    for confirmed in [false, true] {
        let mut claims = 0;
        for seed in 0..30 {
            let proposer = Simulated::new().facts(World { seed, demos: false });
            let (train, val) = (
                examples(&format!("train {seed}"), 20),
                examples(&format!("val {seed}"), 60),
            );
            let test = examples(&format!("test {seed}"), if confirmed { 60 } else { 0 });
            let compiled = MiproV2::new()
                .seed(seed)
                .proposer_context(&proposer.context())
                .confirm_on(&test)
                .compile(
                    &Simulated::new().noise_only().context(),
                    &program(),
                    &train,
                    &val,
                    exact(),
                )
                .await
                .unwrap();
            claims += u32::from(compiled.outcome == Outcome::Improved);
        }
        eprintln!("MIPROv2 on noise, confirmed: {confirmed}, claims: {claims} of 30");
        assert!(
            claims <= 4,
            "{claims} of 30 runs claim a gain (confirmed: {confirmed})"
        );
    }
}

macro_rules! saved {
    ($optimizer:expr, $name:expr) => {{
        let world = World { seed: 3, demos: true };
        let lm = Simulated::new().facts(world).jitter();
        let dir = folder($name);
        let (train, val) = (facts::examples("train", 30), facts::examples("val", 60));
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
    let mipro = |concurrency| MiproV2::new().seed(7).concurrency(concurrency);
    let alone = saved!(mipro(1), "mipro-1");
    assert_eq!(alone, saved!(mipro(16), "mipro-16"));
    assert_ne!(alone.0, saved!(mipro(16).seed(0), "mipro-seed").0);
    for calls in [1, 30, 121, 160, 300, 700] {
        let few = |concurrency| mipro(concurrency).budget(Budget::calls(calls));
        let alone = saved!(few(1), &format!("mipro-{calls}-1"));
        assert_eq!(
            alone,
            saved!(few(16), &format!("mipro-{calls}-16")),
            "{calls} calls"
        );
        assert!(alone.1 <= calls, "{} of {calls}", alone.1);
    }
}

/// With few combinations the search ends when all are scored, however large the budget.
#[tokio::test]
async fn using_the_budget_ends_where_nothing_is_left_to_try() {
    let lm = Simulated::new();
    let (train, val) = (examples("train", 20), examples("val", 60));
    let mipro = MiproV2::new()
        .candidates(2)
        .use_budget()
        .budget(Budget::calls(100_000));
    let compiled = mipro
        .compile(&lm.context(), &program(), &train, &val, exact())
        .await
        .unwrap();
    let whole = compiled
        .report
        .candidates
        .iter()
        .filter(|known| known.complete)
        .count();
    assert!(
        whole >= 4 && lm.calls() < 600,
        "{} calls\n{}",
        lm.calls(),
        compiled.report
    );
}

#[tokio::test]
async fn a_finished_run_is_not_asked_again() {
    let dir = folder("mipro-replayed");
    let mut files = Vec::new();
    for run in 0..2 {
        let world = World { seed: 3, demos: true };
        let lm = Simulated::new().facts(world);
        let (train, val) = (facts::examples("train", 30), facts::examples("val", 60));
        MiproV2::new()
            .run_dir(&dir)
            .compile(&lm.context(), &TwoSteps::new(), &train, &val, judged(world))
            .await
            .unwrap();
        assert_eq!(lm.calls() == 0, run == 1);
        files.push(std::fs::read(dir.join("program.json")).unwrap());
    }
    assert_eq!(files[0], files[1]);
}

#[tokio::test]
async fn only_a_sample_of_a_large_validation_set_is_scored_on() {
    let proposer = Simulated::new().facts(World {
        seed: 1,
        demos: false,
    });
    let (train, val) = (examples("train", 20), examples("val", 150));
    let compiled = MiproV2::new()
        .proposer_context(&proposer.context())
        .compile(&Simulated::new().context(), &program(), &train, &val, exact())
        .await
        .unwrap();
    let rows = compiled.report.comparison.as_ref().unwrap().rows;
    assert_eq!(rows, 100);
    assert_eq!(compiled.outcome, Outcome::Improved);
    let words = compiled.report.to_string();
    assert!(words.contains("random 100 of the 150"), "{words}");
}

#[tokio::test]
async fn labelled_demonstrations_alone_are_searched_too_and_those_a_program_has_are_a_choice() {
    let proposer = Simulated::new().facts(World {
        seed: 1,
        demos: false,
    });
    let (train, val) = (examples("train", 20), examples("val", 40));
    let mut program = program();
    program.predictor_mut().set_state(PredictorState {
        demos: vec![Demo::labeled(
            record! { question: "question 0 of before", answer: "kind 0" },
        )],
        ..PredictorState::default()
    });
    let lm = Simulated::new();
    let compiled = MiproV2::new()
        .max_bootstrapped(0)
        .max_labeled(2)
        .candidates(6)
        .proposer_context(&proposer.context())
        .keep_best_anyway()
        .compile(&lm.context(), &program, &train, &val, exact())
        .await
        .unwrap();
    let sets: HashSet<Vec<String>> = lm.prompts().iter().map(|messages| shown(messages)).collect();
    assert!(sets.contains(&vec!["question 0 of before".to_owned()]));
    assert!(sets.contains(&Vec::new()), "no demonstrations were not tried");
    assert!(sets.iter().filter(|set| set.len() == 2).count() >= 2, "{sets:?}");
    assert!(compiled.report.candidates.len() > 6);
}

#[tokio::test]
async fn settings_that_contradict_are_refused_before_the_first_call() {
    let lm = Simulated::new();
    let (train, val) = (examples("train", 20), examples("val", 40));
    let mipro = MiproV2::new();
    for (optimizer, problem) in [
        (mipro.clone().auto(Effort::Light).candidates(3), "auto"),
        (mipro.clone().trials(3), "candidates"),
        (mipro.clone().candidates(0), "at least 1"),
        (mipro.minibatch(41, 5), "only 40"),
    ] {
        let ctx = lm.context();
        let error = optimizer
            .compile(&ctx, &program(), &train, &val, exact())
            .await
            .unwrap_err();
        assert!(error.to_string().contains(problem), "{error}");
    }
    assert_eq!(lm.calls(), 0);
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
    let mipro = || MiproV2::new().auto(Effort::Medium).budget(budget);
    let (random, random_calls) = mean_of_two_steps!(true, search());
    let (both, calls) = mean_of_two_steps!(true, mipro());
    eprintln!("random search {random:.3} ({random_calls} calls), both {both:.3} ({calls} calls)");
    assert!(both > random + 0.02, "{both} {random}");
}
