//! [`Sequence`]: each optimizer goes on from the one before, the best is kept.

use dictum_core::lm::Budget;
use dictum_optimize::{
    BootstrapFewShot, BootstrapRandomSearch, InferRules, LabeledFewShot, Outcome, Sequence, Simba,
};

use crate::facts::{self, TwoSteps, World};
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
    for calls in [100_000, 1, 200, 500, 900] {
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
