//! [`Sequence`]: each optimizer goes on from the one before, the best is kept.

use dictum_core::evaluate::Evaluate;
use dictum_core::lm::{Budget, Usage};
use dictum_optimize::{
    BootstrapFewShot, BootstrapRandomSearch, InferRules, LabeledFewShot, Outcome, Report, Sequence,
    Sequenced, Simba,
};

use crate::facts::{self, TwoSteps, World};
use crate::school::School;
use crate::simulated::{Simulated, exact, examples, folder, program, question, shown};

fn rules() -> Simba {
    Simba::new().batch_size(16).candidates(4).steps(3).max_demos(0)
}

fn demos() -> BootstrapRandomSearch {
    BootstrapRandomSearch::new().candidates(4).max_labeled(4)
}

fn both() -> Sequence {
    Sequence::new().then(rules()).then(demos())
}

struct Trial {
    score: f64,
    legs: Vec<(f64, f64)>,
    bytes: Vec<u8>,
    calls: u64,
}

async fn trial(sequence: Sequence, seed: u64, name: &str) -> Trial {
    let world = World { seed, demos: true };
    let lm = Simulated::new().facts(world).jitter();
    let dir = folder(name);
    let (train, val) = (
        facts::examples(&format!("train {seed}"), 40),
        facts::examples(&format!("val {seed}"), 40),
    );
    let found = sequence
        .seed(seed)
        .run_dir(&dir)
        .keep_best_anyway()
        .compile(
            &lm.context(),
            &TwoSteps::new(),
            &train,
            &val,
            facts::judged(world),
        )
        .await
        .unwrap();
    assert_eq!(found.spent.calls, lm.calls());
    let leg = |report: &dictum_optimize::Report| {
        let pair = report.validation.as_ref().unwrap();
        (pair.baseline.mean().unwrap(), pair.best.mean().unwrap())
    };
    let calls = lm.calls();
    let mut program = TwoSteps::new();
    found.compiled.apply(&mut program).unwrap();
    let data = facts::examples(&format!("unseen {seed}"), 150);
    let report = dictum_core::evaluate::Evaluate::new(&data, facts::judged(world))
        .run(&lm.context(), &program)
        .await
        .unwrap();
    Trial {
        score: report.mean().unwrap(),
        legs: found.steps.iter().map(leg).collect(),
        bytes: std::fs::read(dir.join("program.json")).unwrap(),
        calls,
    }
}

#[tokio::test]
async fn two_together_beat_each_alone() {
    let (mut together, mut ruled, mut shown) = (0.0, 0.0, 0.0);
    for seed in 0..8 {
        let found = trial(both(), seed, "sequence-both").await;
        // Each step begins where the one before it ended.
        assert_eq!(found.legs[0].1, found.legs[1].0);
        together += found.score / 8.0;
        ruled += trial(Sequence::new().then(rules()), seed, "sequence-rules")
            .await
            .score
            / 8.0;
        shown += trial(Sequence::new().then(demos()), seed, "sequence-demos")
            .await
            .score
            / 8.0;
    }
    eprintln!("together {together:.3}, rules {ruled:.3}, demonstrations {shown:.3}");
    assert!(
        together > ruled + 0.02 && together > shown + 0.1,
        "{together} {ruled} {shown}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_seed_gives_the_same_bytes_at_any_concurrency_and_budget() {
    for calls in [100_000, 1, 500] {
        let sequence = |concurrency| {
            let infer = InferRules::new().candidates(3).max_labeled(2);
            let sequence = both().then_boxed(Box::new(infer));
            sequence.concurrency(concurrency).budget(Budget::calls(calls))
        };
        let alone = trial(sequence(1), 3, &format!("sequence-{calls}-1")).await;
        let together = trial(sequence(16), 3, &format!("sequence-{calls}-16")).await;
        assert_eq!(alone.bytes, together.bytes, "{calls} calls");
        assert_eq!(alone.calls, together.calls);
        assert!(alone.calls <= calls, "{} of {calls}", alone.calls);
    }
}

/// A step that makes things worse is passed over; noise is not called a gain.
#[tokio::test]
async fn the_best_is_kept_and_claims_nothing_of_noise() {
    let mut claims = 0;
    for seed in 0..20 {
        let ctx = Simulated::new().noise_only().context();
        let (train, val) = (
            examples(&format!("train {seed}"), 30),
            examples(&format!("val {seed}"), 40),
        );
        let found = Sequence::new()
            .then(LabeledFewShot::new())
            .then(BootstrapRandomSearch::new().candidates(4))
            .seed(seed)
            .compile(&ctx, &program(), &train, &val, exact())
            .await
            .unwrap();
        let candidates = &found.compiled.report.candidates;
        assert_eq!(candidates.len(), 3);
        let mean = |at: usize| candidates[at].score.as_ref().unwrap().mean.unwrap();
        let best = (0..3).rev().max_by(|a, b| mean(*a).total_cmp(&mean(*b))).unwrap();
        assert_eq!(candidates[best].label, found.compiled.report.best);
        claims += u32::from(found.compiled.outcome == Outcome::Improved);
    }
    assert!(claims <= 3, "{claims} of 20");
}

/// A run that is done is answered from its folders, and where demonstrations came from is known in all steps.
#[tokio::test]
async fn it_resumes_and_leaks_nothing() {
    let dir = folder("sequence-resume");
    let world = World { seed: 1, demos: true };
    let data = facts::examples("all", 30);
    for run in 0..2 {
        let lm = Simulated::new().facts(world);
        Sequence::new()
            .then(BootstrapFewShot::new().max_labeled(4))
            .then(BootstrapRandomSearch::new().candidates(3).max_labeled(4))
            .run_dir(&dir)
            .allow_overlap()
            .compile(
                &lm.context(),
                &TwoSteps::new(),
                &data,
                &data,
                facts::judged(world),
            )
            .await
            .unwrap();
        assert_eq!(lm.calls() == 0, run == 1);
        for messages in lm.prompts() {
            assert!(!shown(&messages).contains(&question(messages.last().unwrap())));
        }
    }
}

/// What a sequence with a training makes of unseen questions, and the mean on the validation set as each step left it.
async fn taught(seed: u64, make: impl Fn(&School) -> Sequence) -> (f64, Vec<f64>, Sequenced) {
    let world = World { seed, demos: true };
    let lm = Simulated::new().facts(world);
    let school = School::new(&lm);
    let (ctx, metric) = (lm.context(), facts::judged(world));
    let (train, val) = (
        facts::examples(&format!("train {seed}"), 40),
        facts::examples(&format!("val {seed}"), 40),
    );
    let found = make(&school)
        .seed(seed)
        .keep_best_anyway()
        .compile(&ctx, &TwoSteps::new(), &train, &val, metric.clone())
        .await
        .unwrap();
    assert_eq!(found.spent.calls, lm.calls(), "the tuned model's calls count too");
    let mut program = TwoSteps::new();
    found.compiled.apply(&mut program).unwrap();
    let data = facts::examples(&format!("unseen {seed}"), 150);
    let report = Evaluate::new(&data, metric)
        .run(&found.context(&ctx), &program)
        .await
        .unwrap();
    let left = |report: &Report| report.validation.as_ref().unwrap().best.mean().unwrap();
    let legs = found.steps.iter().map(left).collect();
    (report.mean().unwrap(), legs, found)
}

/// BetterTogether: rules are what prompts can say here, and demonstrations are what weights can learn.
#[tokio::test]
async fn prompts_and_weights_together_beat_each_alone() {
    const RUNS: u64 = 6;
    let share = 1.0 / RUNS as f64;
    let (mut together, mut ruled, mut tuned) = (0.0, 0.0, 0.0);
    let (mut first, mut second, mut third) = (0.0, 0.0, 0.0);
    let mut bound = 0;
    for seed in 0..RUNS {
        let both = |school: &School| {
            let sequence = Sequence::new().then(rules()).then_finetune(school.step());
            sequence.then(rules())
        };
        let (score, legs, found) = taught(seed, both).await;
        together += share * score;
        first += share * legs[0];
        second += share * legs[1];
        third += share * legs[2];
        assert_eq!(found.models.len(), 1);
        let states: Vec<_> = found.compiled.overlay.iter().map(|(_, state)| state).collect();
        let has_both = states
            .iter()
            .all(|state| state.lm.as_deref() == Some("test/tuned"))
            && states.iter().any(|state| state.instructions.is_some());
        bound += u64::from(has_both);
        ruled += share
            * taught(seed, |_| Sequence::new().then(rules()).then(rules()))
                .await
                .0;
        tuned += share
            * taught(seed, |school| Sequence::new().then_finetune(school.step()))
                .await
                .0;
    }
    eprintln!(
        "together {together:.3} ({first:.3}, {second:.3}, {third:.3} after its steps), rules {ruled:.3}, weights {tuned:.3}"
    );
    assert!(together > ruled + 0.1 && together > tuned + 0.1);
    assert!(
        first < second && second < third,
        "each step adds to the one before"
    );
    assert!(
        bound >= RUNS - 1,
        "{bound} programs with new instructions and the tuned model"
    );
}

/// A budget that ends before there is enough to train on: the training is passed over, and what there is is kept.
#[tokio::test]
async fn a_training_the_budget_has_no_room_for_is_passed_over() {
    let both = |school: &School| {
        let sequence = Sequence::new().then(rules()).then_finetune(school.step());
        sequence.then(rules()).budget(Budget::calls(570))
    };
    let (_, legs, found) = taught(2, both).await;
    assert!(found.models.is_empty() && found.lms().count() == 0);
    assert_eq!(legs[0], legs[1]);
    let notes = &found.steps[1].notes;
    assert!(
        notes.iter().any(|note| note.starts_with("nothing was trained: ")),
        "{notes:?}"
    );
}

/// The end has tokens as the steps have, and a model that is yet to be trained has its own.
#[tokio::test]
async fn a_dry_run_knows_the_tokens_of_all_of_it() {
    let world = World { seed: 1, demos: true };
    let (train, val) = (facts::examples("train", 40), facts::examples("val", 30));
    let test = facts::examples("test", 20);
    for tuning in [false, true] {
        let lm = Simulated::new().facts(world);
        let school = School::new(&lm);
        let sequence = Sequence::new().then(LabeledFewShot::new().k(4));
        let sequence = match tuning {
            true => sequence
                .then_finetune(school.step())
                .then(LabeledFewShot::new().k(2)),
            false => sequence,
        };
        let sequence = sequence.confirm_on(&test).keep_best_anyway();
        let ctx = lm.context();
        let forecast = sequence
            .dry_run(&ctx, &TwoSteps::new(), &train, &val)
            .await
            .unwrap();
        assert_eq!((lm.calls(), school.orders()), (0, 0));
        let tokens = |usage: &Usage| usage.total_tokens().unwrap_or_default();
        let of = |name: &str| {
            let phase = forecast.phases.iter().find(|phase| phase.name == name);
            let phase = phase.unwrap_or_else(|| panic!("{name}: {forecast:?}"));
            (phase.rollouts, phase.calls, tokens(&phase.usage))
        };
        let (rollouts, calls, first) = of("1 LabeledFewShot: baseline");
        assert_eq!((rollouts, calls), (30, 60));
        assert_eq!(
            of("end: baseline"),
            (30, 60, first),
            "the same program, the same rows"
        );
        let (rollouts, calls, last) = of("end: confirm");
        assert_eq!((rollouts, calls), (40, 80));
        // With demonstrations the second of each pair is longer.
        assert!(last > first * 40 / 30, "{last} {first}");
        let all: u64 = forecast.phases.iter().map(|phase| tokens(&phase.usage)).sum();
        let by_model: u64 = forecast.by_model.values().map(tokens).sum();
        assert_eq!((all, by_model), (tokens(&forecast.usage), all));
        let names: Vec<&str> = forecast.by_model.keys().map(String::as_str).collect();
        match tuning {
            false => assert_eq!(names, ["test/simulated"]),
            true => assert_eq!(names, ["test/simulated", "the tuned model of step 2"]),
        }
        // And the calls are those the run makes.
        let found = sequence
            .compile(&ctx, &TwoSteps::new(), &train, &val, facts::judged(world))
            .await
            .unwrap();
        let ratio = forecast.calls as f64 / found.spent.calls as f64;
        assert!(
            (0.8..1.25).contains(&ratio),
            "{} of {}",
            forecast.calls,
            found.spent.calls
        );
    }
}
