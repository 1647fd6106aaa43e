//! What holds for every optimizer: the same bytes whatever the concurrency, after `kill -9`, step by step, after it was
//! cancelled and after a stop; budgets that hold to the call; no gain claimed where there is none; a dry run that calls nothing.
//! A new optimizer is one line in [`all`]. An ensemble is no optimizer: it is made of what one found, without a search.

use std::fs;
use std::path::{Path, PathBuf};
use std::pin::{Pin, pin};
use std::task::Poll;

use dictum_core::data::Example;
use dictum_core::lm::Budget;
use dictum_core::program::DynModule;
use dictum_optimize::{
    Auto, BootstrapFewShot, BootstrapRandomSearch, CheapestWithin, Copro, Custom, Forecast, Gepa, InferRules,
    KnnFewShot, LabeledFewShot, MiproV2, Outcome, Phase, ReAnchor, Recipe, Rng, Sequence, Simba, Space, Stop,
};

use crate::facts::{self, Escalating, Tooled, TwoSteps, World};
use crate::killed;
use crate::knn::Quality;
use crate::school::School;
use crate::simulated::{Simulated, folder};

const WORLD: World = World { seed: 5, demos: true };
const CONCURRENCY: usize = 8;
/// The jobs that were ordered in a folder.
const ORDERS: &str = "orders.log";

/// An optimizer in the form it has.
enum Kind {
    /// Of a program of two steps.
    Steps(Box<dyn Recipe>),
    /// Of a program with a text to learn.
    Texts(Box<dyn Recipe>),
    /// Of a program with a threshold.
    Thresholds(Box<dyn Recipe>),
    Sequence(Sequence),
    /// A sequence with a training in it.
    Tuned,
    Knn(BootstrapFewShot),
}

/// All optimizers, with settings that make a run of some hundred calls.
fn all() -> Vec<(&'static str, Kind)> {
    vec![
        ("labeled", Kind::steps(LabeledFewShot::new().k(4))),
        (
            "bootstrap",
            Kind::steps(BootstrapFewShot::new().max_labeled(4).rounds(2)),
        ),
        (
            "random-search",
            Kind::steps(BootstrapRandomSearch::new().candidates(4).max_labeled(4)),
        ),
        (
            "racing",
            Kind::steps(
                BootstrapRandomSearch::new()
                    .candidates(8)
                    .max_labeled(4)
                    .racing(0.1),
            ),
        ),
        (
            "simba",
            Kind::steps(Simba::new().batch_size(12).candidates(3).steps(3)),
        ),
        (
            "infer-rules",
            Kind::steps(InferRules::new().candidates(4).max_labeled(4).racing(0.1)),
        ),
        (
            "mipro",
            Kind::steps(
                MiproV2::new()
                    .candidates(4)
                    .trials(8)
                    .minibatch(10, 4)
                    .max_labeled(2),
            ),
        ),
        ("copro", Kind::steps(Copro::new().breadth(3).depth(2))),
        ("gepa", Kind::steps(Gepa::new().rollouts(250))),
        (
            "cheapest-within",
            Kind::steps(
                CheapestWithin::points(30.0)
                    .over(Space::all().lms(["again"]).temperatures([0.5, 1.0]).reasoning())
                    .most(6),
            ),
        ),
        ("gepa-merge", Kind::steps(Gepa::new().rollouts(300).merge())),
        ("auto", Kind::steps(Auto::new())),
        ("gepa-texts", Kind::Texts(Box::new(Gepa::new().rollouts(250)))),
        (
            "copro-texts",
            Kind::Texts(Box::new(Copro::new().breadth(3).depth(2))),
        ),
        ("reanchor", Kind::Thresholds(Box::new(ReAnchor::new().cuts(6)))),
        (
            "sequence",
            Kind::Sequence(
                Sequence::new()
                    .then(BootstrapFewShot::new().max_labeled(2))
                    .then(Simba::new().batch_size(12).candidates(3).steps(2)),
            ),
        ),
        ("sequence-tuned", Kind::Tuned),
        ("knn", Kind::Knn(BootstrapFewShot::new().max_labeled(4).rounds(2))),
    ]
}

impl Kind {
    fn steps(recipe: impl Recipe + 'static) -> Self {
        Self::Steps(Box::new(recipe))
    }

    fn of(name: &str, how: &How, lm: &Simulated) -> Self {
        let (_, kind) = all().into_iter().find(|(known, _)| *known == name).unwrap();
        let Self::Tuned = kind else { return kind };
        let school = School::new(lm);
        let school = match &how.dir {
            Some(dir) => school.log(dir.join(ORDERS)),
            None => school,
        };
        let rules = || Simba::new().batch_size(12).candidates(3).steps(2).max_demos(0);
        let sequence = Sequence::new().then(rules());
        Self::Sequence(sequence.then_finetune(school.step()).then(rules()))
    }
}

fn names() -> impl Iterator<Item = &'static str> {
    all().into_iter().map(|(name, _)| name)
}

/// How it is run.
#[derive(Clone)]
struct How {
    seed: u64,
    concurrency: usize,
    calls: Option<u64>,
    dir: Option<PathBuf>,
    train: usize,
    val: usize,
    test: Vec<Example>,
    keep: bool,
    stop: Stop,
}

fn how() -> How {
    How {
        seed: 7,
        concurrency: CONCURRENCY,
        calls: None,
        dir: None,
        train: 40,
        val: 24,
        test: Vec::new(),
        keep: true,
        stop: Stop::new(),
    }
}

/// What came of it.
#[derive(Debug)]
struct Ended {
    program: String,
    calls: u64,
    phases: u64,
    outcome: Outcome,
}

fn calls_of(phases: &[Phase]) -> u64 {
    phases.iter().map(|phase| phase.calls).sum()
}

/// Gives an optimizer the options of a run.
macro_rules! with_options {
    ($optimizer:expr, $how:expr) => {{
        let how = $how;
        let mut optimizer = $optimizer
            .seed(how.seed)
            .concurrency(how.concurrency)
            .calls_per_rollout(4)
            .confirm_on(&how.test)
            .stop_with(&how.stop);
        if let Some(calls) = how.calls {
            optimizer = optimizer.budget(Budget::calls(calls));
        }
        if let Some(dir) = &how.dir {
            optimizer = optimizer.run_dir(dir.join("run"));
        }
        if how.keep {
            optimizer = optimizer.keep_best_anyway();
        }
        optimizer
    }};
}

async fn compile(name: &str, how: &How, lm: &Simulated) -> Ended {
    let (train, val) = (
        facts::examples("train", how.train),
        facts::examples("val", how.val),
    );
    let (ctx, metric) = (lm.context(), facts::judged(WORLD));
    let compiled = match Kind::of(name, how, lm) {
        Kind::Steps(recipe) => {
            let optimizer = with_options!(Custom::new(recipe), how);
            optimizer
                .compile(&ctx, &TwoSteps::new(), &train, &val, metric)
                .await
        }
        Kind::Texts(recipe) => {
            let optimizer = with_options!(Custom::new(recipe), how);
            let metric = facts::judged_tool(WORLD);
            optimizer
                .compile(&ctx, &Tooled::new(), &train, &val, metric)
                .await
        }
        Kind::Thresholds(recipe) => {
            let optimizer = with_options!(Custom::new(recipe), how);
            optimizer
                .compile(&ctx, &Escalating::new(), &train, &val, metric)
                .await
        }
        Kind::Sequence(sequence) => {
            let optimizer = with_options!(sequence, how);
            let found = optimizer
                .compile(&ctx, &TwoSteps::new(), &train, &val, metric)
                .await
                .unwrap();
            return Ended {
                program: found.compiled.state.to_json().unwrap(),
                calls: found.spent.calls,
                phases: found.steps.iter().map(|report| calls_of(&report.phases)).sum(),
                outcome: found.compiled.outcome,
            };
        }
        Kind::Tuned => unreachable!("a sequence by now"),
        Kind::Knn(bootstrap) => {
            let knn = KnnFewShot::new(3, Quality).bootstrap(with_options!(bootstrap, how));
            let found = knn.compile(&ctx, &TwoSteps::new(), &train, metric).await.unwrap();
            return Ended {
                program: serde_json::to_string(&found.index).unwrap(),
                calls: found.report.spent.calls,
                phases: calls_of(&found.report.phases),
                outcome: found.report.outcome,
            };
        }
    };
    let compiled = compiled.unwrap();
    Ended {
        program: compiled.state.to_json().unwrap(),
        calls: compiled.report.spent.calls,
        phases: calls_of(&compiled.report.phases),
        outcome: compiled.outcome,
    }
}

async fn dry_run(name: &str, how: &How, lm: &Simulated) -> Forecast {
    async fn of<P: DynModule>(recipe: Box<dyn Recipe>, how: &How, lm: &Simulated, program: P) -> Forecast {
        let (train, val) = (
            facts::examples("train", how.train),
            facts::examples("val", how.val),
        );
        let optimizer = with_options!(Custom::new(recipe), how);
        optimizer
            .dry_run(&lm.context(), &program, &train, &val)
            .await
            .unwrap()
    }
    let (train, val) = (
        facts::examples("train", how.train),
        facts::examples("val", how.val),
    );
    let (ctx, program) = (lm.context(), TwoSteps::new());
    match Kind::of(name, how, lm) {
        Kind::Steps(recipe) => of(recipe, how, lm, program).await,
        Kind::Texts(recipe) => of(recipe, how, lm, Tooled::new()).await,
        Kind::Thresholds(recipe) => of(recipe, how, lm, Escalating::new()).await,
        Kind::Sequence(sequence) => {
            let sequence = with_options!(sequence, how);
            sequence.dry_run(&ctx, &program, &train, &val).await.unwrap()
        }
        Kind::Tuned => unreachable!("a sequence by now"),
        Kind::Knn(bootstrap) => {
            let knn = KnnFewShot::new(3, Quality).bootstrap(with_options!(bootstrap, how));
            knn.dry_run(&ctx, &program, &train).await.unwrap()
        }
    }
}

fn program(dir: &Path) -> String {
    fs::read_to_string(dir.join("ended")).unwrap()
}

/// The run that is killed: does nothing unless started by the test below.
#[test]
fn child() {
    let Some((dir, name)) = killed::told() else {
        return;
    };
    let lm = Simulated::new().facts(WORLD).jitter().log(dir.join("calls.log"));
    let how = How {
        test: facts::examples("test", 20),
        dir: Some(dir.clone()),
        ..how()
    };
    let ended = killed::run(compile(&name, &how, &lm));
    fs::write(dir.join("ended"), ended.program).unwrap();
}

fn calls(dir: &Path) -> usize {
    fs::read_to_string(dir.join("calls.log")).map_or(0, |log| log.lines().count())
}

#[test]
fn killed_runs_of_every_optimizer_resume_to_the_same_program() {
    let start = |dir: &Path, name| killed::start("every::child", dir, name);
    for name in names() {
        let whole = folder(&format!("every-whole-{name}"));
        assert!(start(&whole, name).wait().unwrap().success(), "{name}");
        let all_calls = calls(&whole);
        let dir = folder(&format!("every-{name}"));
        let mut rng = Rng::of(&("every", name));
        let kills = killed::until_done(&mut rng, all_calls / 3, || start(&dir, name), || calls(&dir));
        let repeated = calls(&dir) - all_calls;
        eprintln!("{name}: {kills} kills in {all_calls} calls, {repeated} repeated");
        assert!(kills > 0, "{name} was never killed");
        assert!(
            program(&dir) == program(&whole),
            "{name}: another program after {kills} kills"
        );
        for dir in [&dir, &whole] {
            let orders = fs::read_to_string(dir.join(ORDERS)).map_or(0, |log| log.lines().count());
            assert_eq!(orders, usize::from(name == "sequence-tuned"), "{name}");
        }
        assert!(
            repeated <= kills * CONCURRENCY,
            "{name}: {repeated} calls repeated after {kills} kills"
        );
    }
}

#[tokio::test]
async fn every_optimizer_gives_the_same_bytes_at_any_concurrency() {
    for name in names() {
        let mut programs = Vec::new();
        for concurrency in [1, 16] {
            let lm = Simulated::new().facts(WORLD).jitter();
            let how = How { concurrency, ..how() };
            programs.push((compile(name, &how, &lm).await.program, lm.calls()));
        }
        assert!(programs[0] == programs[1], "{name}");
    }
}

#[tokio::test]
async fn every_optimizer_keeps_its_budget_to_the_call() {
    for name in names() {
        let lm = Simulated::new().facts(WORLD);
        compile(name, &how(), &lm).await;
        let all_calls = lm.calls();
        for budget in [1, 30, 77, all_calls / 2, all_calls] {
            let lm = Simulated::new().facts(WORLD).jitter();
            let how = How {
                calls: Some(budget),
                ..how()
            };
            let ended = compile(name, &how, &lm).await;
            assert!(lm.calls() <= budget, "{name}: {} of {budget} calls", lm.calls());
            assert_eq!(ended.calls, lm.calls(), "{name}");
            assert!(ended.phases <= lm.calls(), "{name}");
        }
    }
}

/// Lets a run go on as far as it can: the simulated model answers at once, so a run that waits is held back.
async fn settle(mut run: Pin<&mut impl Future<Output = Ended>>, lm: &Simulated) -> Option<Ended> {
    loop {
        let before = lm.calls();
        for _ in 0..64 {
            let once = std::future::poll_fn(|cx| Poll::Ready(run.as_mut().poll(cx)));
            if let Poll::Ready(ended) = once.await {
                return Some(ended);
            }
            tokio::task::yield_now().await;
        }
        if lm.calls() == before {
            return None;
        }
    }
}

#[tokio::test]
async fn every_optimizer_can_be_paused_and_stepped() {
    for name in names() {
        let lm = Simulated::new().facts(WORLD);
        let whole = compile(name, &how(), &lm).await;
        let (lm, how) = (Simulated::new().facts(WORLD), how());
        how.stop.pause();
        let mut run = pin!(compile(name, &how, &lm));
        assert!(
            settle(run.as_mut(), &lm).await.is_none() && lm.calls() == 0,
            "{name}"
        );
        let mut steps = 0;
        let ended = loop {
            let before = lm.calls();
            how.stop.step();
            steps += 1;
            match settle(run.as_mut(), &lm).await {
                Some(ended) => break ended,
                // A batch of candidates that differ in thresholds alone may need no call.
                None => assert!(
                    lm.calls() > before || name == "reanchor",
                    "{name}: step {steps} did nothing"
                ),
            }
            if steps == 7 {
                // Enough seen of it: the rest in one go.
                how.stop.resume();
            }
        };
        assert_eq!(
            (&ended.program, ended.calls),
            (&whole.program, whole.calls),
            "{name}"
        );
        assert_eq!(lm.calls(), whole.calls, "{name}");
    }
}

#[tokio::test]
async fn every_optimizer_goes_on_after_it_was_cancelled_or_stopped() {
    for name in names() {
        let lm = Simulated::new().facts(WORLD);
        let whole = compile(name, &how(), &lm).await;
        for stopped in [false, true] {
            for steps in [1, 3] {
                let dir = folder(&format!("every-halted-{name}-{stopped}-{steps}"));
                let (lm, mut how) = (Simulated::new().facts(WORLD), how());
                how.dir = Some(dir);
                how.stop.pause();
                {
                    let mut run = pin!(compile(name, &how, &lm));
                    for _ in 0..steps {
                        how.stop.step();
                    }
                    let over = settle(run.as_mut(), &lm).await.is_some();
                    if stopped && !over {
                        let before = lm.calls();
                        how.stop.stop();
                        run.await;
                        assert_eq!(lm.calls(), before, "{name}: calls after the stop");
                    }
                    // Else the run is dropped here.
                }
                how.stop = Stop::new();
                let ended = compile(name, &how, &lm).await;
                assert_eq!(ended.program, whole.program, "{name} {stopped} {steps}");
                assert_eq!(lm.calls(), whole.calls, "{name}: calls were repeated");
            }
        }
    }
}

#[tokio::test]
async fn every_dry_run_calls_nothing_and_keeps_the_budget() {
    for name in names() {
        let lm = Simulated::new().facts(WORLD);
        let forecast = dry_run(name, &how(), &lm).await;
        assert!(forecast.calls > 0 && !forecast.short, "{name}");
        let short = How {
            calls: Some(forecast.calls / 2),
            ..how()
        };
        let less = dry_run(name, &short, &lm).await;
        assert!(less.calls <= forecast.calls / 2, "{name}: {less:?}");
        assert_eq!(lm.calls(), 0, "{name}");
    }
}

/// At a level of 5 % one of 20 runs may claim a gain by chance; more than 4 would happen once in 390.
#[tokio::test]
async fn no_optimizer_claims_a_gain_from_noise() {
    for name in names() {
        let mut claims = 0;
        for seed in 0..20 {
            let lm = Simulated::new().facts(WORLD).noise_only();
            let how = How {
                seed,
                calls: Some(900),
                train: 30,
                val: 20,
                test: facts::examples(&format!("test {seed}"), 30),
                keep: false,
                ..how()
            };
            claims += u32::from(compile(name, &how, &lm).await.outcome == Outcome::Improved);
        }
        eprintln!("{name}: {claims} claims of 20");
        assert!(claims <= 4, "{name}: {claims} of 20 runs claim a gain");
    }
}
