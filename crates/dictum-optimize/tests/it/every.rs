//! What holds for every optimizer: the same bytes whatever the concurrency, after `kill -9` and after a stop; budgets that
//! hold to the call; no gain claimed where there is none. A new optimizer is one line in [`all`].

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use std::{env, fs};

use dictum_core::lm::Budget;
use dictum_optimize::{
    BootstrapFewShot, BootstrapRandomSearch, CheapestWithin, Compiled, Copro, Custom, Gepa, InferRules,
    LabeledFewShot, MiproV2, Outcome, Recipe, Rng, Simba, Space,
};

use crate::facts::{self, TwoSteps, World};
use crate::simulated::{Simulated, folder};

const WORLD: World = World { seed: 5, demos: true };
const CONCURRENCY: usize = 8;

/// All optimizers, with settings that make a run of some hundred calls.
fn all() -> Vec<(&'static str, Box<dyn Recipe>)> {
    vec![
        ("labeled", Box::new(LabeledFewShot::new().k(4))),
        (
            "bootstrap",
            Box::new(BootstrapFewShot::new().max_labeled(4).rounds(2)),
        ),
        (
            "random-search",
            Box::new(BootstrapRandomSearch::new().candidates(4).max_labeled(4)),
        ),
        (
            "racing",
            Box::new(
                BootstrapRandomSearch::new()
                    .candidates(8)
                    .max_labeled(4)
                    .racing(0.1),
            ),
        ),
        (
            "simba",
            Box::new(Simba::new().batch_size(12).candidates(3).steps(3)),
        ),
        (
            "infer-rules",
            Box::new(InferRules::new().candidates(4).max_labeled(4).racing(0.1)),
        ),
        (
            "mipro",
            Box::new(
                MiproV2::new()
                    .candidates(4)
                    .trials(8)
                    .minibatch(10, 4)
                    .max_labeled(2),
            ),
        ),
        ("copro", Box::new(Copro::new().breadth(3).depth(2))),
        ("gepa", Box::new(Gepa::new().rollouts(250))),
        (
            "cheapest-within",
            Box::new(
                CheapestWithin::points(30.0)
                    .over(Space::all().lms(["again"]).temperatures([0.5, 1.0]).reasoning())
                    .most(6),
            ),
        ),
        ("gepa-merge", Box::new(Gepa::new().rollouts(300).merge())),
    ]
}

fn optimizer(name: &str) -> Custom<Box<dyn Recipe>> {
    let (_, recipe) = all().into_iter().find(|(known, _)| *known == name).unwrap();
    Custom::new(recipe)
        .seed(7)
        .calls_per_rollout(4)
        .concurrency(CONCURRENCY)
        .keep_best_anyway()
}

async fn compile(optimizer: Custom<Box<dyn Recipe>>, lm: &Simulated) -> Compiled {
    let (train, val) = (facts::examples("train", 40), facts::examples("val", 24));
    let ctx = lm.context();
    let metric = facts::judged(WORLD);
    optimizer
        .compile(&ctx, &TwoSteps::new(), &train, &val, metric)
        .await
        .unwrap()
}

fn program(dir: &Path) -> Vec<u8> {
    fs::read(dir.join("run/program.json")).unwrap()
}

/// The run that is killed: does nothing unless started by the test below.
#[test]
fn child() {
    let (Some(dir), Ok(name)) = (
        env::var_os("DICTUM_EVERY_DIR").map(PathBuf::from),
        env::var("DICTUM_EVERY_NAME"),
    ) else {
        return;
    };
    let lm = Simulated::new().facts(WORLD).jitter().log(dir.join("calls.log"));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let optimizer = optimizer(&name)
        .confirm_on(&facts::examples("test", 10))
        .run_dir(dir.join("run"));
    runtime.block_on(compile(optimizer, &lm));
}

fn start(dir: &Path, name: &str) -> Child {
    Command::new(env::current_exe().unwrap())
        .args(["--exact", "every::child", "--nocapture"])
        .env("DICTUM_EVERY_DIR", dir)
        .env("DICTUM_EVERY_NAME", name)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

fn calls(dir: &Path) -> usize {
    fs::read_to_string(dir.join("calls.log")).map_or(0, |log| log.lines().count())
}

#[test]
fn killed_runs_of_every_optimizer_resume_to_the_same_program() {
    for (name, _) in all() {
        let whole = folder(&format!("every-whole-{name}"));
        assert!(start(&whole, name).wait().unwrap().success(), "{name}");
        let all_calls = calls(&whole);
        let dir = folder(&format!("every-{name}"));
        let mut rng = Rng::of(&("every", name));
        let mut kills = 0;
        loop {
            let at = calls(&dir) + 1 + rng.below(all_calls / 3);
            let mut child = start(&dir, name);
            let ended = loop {
                if let Some(status) = child.try_wait().unwrap() {
                    break Some(status);
                }
                if calls(&dir) > at {
                    std::thread::sleep(Duration::from_micros(rng.below(3_000) as u64));
                    child.kill().unwrap();
                    child.wait().unwrap();
                    break None;
                }
                std::thread::sleep(Duration::from_micros(300));
            };
            match ended {
                Some(status) => {
                    assert!(status.success(), "{name}: a resumed run failed");
                    break;
                }
                None => kills += 1,
            }
        }
        let repeated = calls(&dir) - all_calls;
        eprintln!("{name}: {kills} kills in {all_calls} calls, {repeated} repeated");
        assert!(kills > 0, "{name} was never killed");
        assert!(
            program(&dir) == program(&whole),
            "{name}: another program after {kills} kills"
        );
        assert!(
            repeated <= kills * CONCURRENCY,
            "{name}: {repeated} calls repeated after {kills} kills"
        );
    }
}

#[tokio::test]
async fn every_optimizer_gives_the_same_bytes_at_any_concurrency() {
    for (name, _) in all() {
        let mut programs = Vec::new();
        for concurrency in [1, 16] {
            let dir = folder(&format!("every-concurrency-{name}-{concurrency}"));
            let lm = Simulated::new().facts(WORLD).jitter();
            let optimizer = optimizer(name).concurrency(concurrency).run_dir(dir.join("run"));
            compile(optimizer, &lm).await;
            programs.push((program(&dir), lm.calls()));
        }
        assert!(programs[0] == programs[1], "{name}");
    }
}

#[tokio::test]
async fn every_optimizer_keeps_its_budget_to_the_call() {
    for (name, _) in all() {
        let lm = Simulated::new().facts(WORLD);
        compile(optimizer(name), &lm).await;
        let all_calls = lm.calls();
        for budget in [1, 30, 77, all_calls / 2, all_calls] {
            let lm = Simulated::new().facts(WORLD).jitter();
            let compiled = compile(optimizer(name).budget(Budget::calls(budget)), &lm).await;
            assert!(lm.calls() <= budget, "{name}: {} of {budget} calls", lm.calls());
            assert_eq!(compiled.report.spent.calls, lm.calls(), "{name}");
            let phases: u64 = compiled.report.phases.iter().map(|phase| phase.calls).sum();
            assert!(phases <= lm.calls(), "{name}");
        }
    }
}

/// At a level of 5 % one of 20 runs may claim a gain by chance; more than 4 would happen once in 390.
#[tokio::test]
async fn no_optimizer_claims_a_gain_from_noise() {
    for (name, _) in all() {
        let mut claims = 0;
        for seed in 0..20 {
            let lm = Simulated::new().facts(WORLD).noise_only();
            let (train, val) = (facts::examples("train", 30), facts::examples("val", 20));
            let (_, recipe) = all().into_iter().find(|(known, _)| *known == name).unwrap();
            let compiled = Custom::new(recipe)
                .seed(seed)
                .confirm_on(&facts::examples(&format!("test {seed}"), 30))
                .budget(Budget::calls(900))
                .compile(
                    &lm.context(),
                    &TwoSteps::new(),
                    &train,
                    &val,
                    facts::judged(WORLD),
                )
                .await
                .unwrap();
            claims += u32::from(compiled.outcome == Outcome::Improved);
        }
        eprintln!("{name}: {claims} claims of 20");
        assert!(claims <= 4, "{name}: {claims} of 20 runs claim a gain");
    }
}
