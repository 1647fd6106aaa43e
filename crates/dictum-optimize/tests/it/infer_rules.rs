//! [`InferRules`]: what it gains, and that candidates share nothing.

use dictum_core::lm::Budget;
use dictum_optimize::InferRules;

use crate::facts::{self, TwoSteps, World};
use crate::simulated::{Simulated, exact, examples, program};
use crate::trials::{false_claims, mean_gain, trial, written};

fn small() -> InferRules {
    InferRules::new().candidates(8).max_labeled(4)
}

#[tokio::test]
async fn rules_raise_the_score_on_unseen_data() {
    let (mean, calls) = mean_gain!(small(), demos: false, seeds: 10);
    eprintln!(
        "rules: {mean:.3} from {:.3}, optimum {:.3}, {calls} calls",
        facts::BARE,
        facts::OPTIMUM
    );
    assert!(mean > facts::BARE + 0.2, "{mean}");
}

#[tokio::test]
async fn noise_is_not_called_a_gain() {
    let claims = false_claims!(small(), seeds: 30);
    assert!(claims <= 4, "{claims} of 30");
}

/// The rules of the program that is given are those its score was measured with.
#[tokio::test]
async fn the_best_candidate_keeps_its_own_rules() {
    for seed in 0..4 {
        let world = World { seed, demos: false };
        let (compiled, _) = trial!(small().keep_best_anyway(), world, train: 40, val: 50);
        let validation = compiled.report.validation.as_ref().unwrap();
        let mut program = TwoSteps::new();
        compiled.apply(&mut program).unwrap();
        let again = dictum_core::evaluate::Evaluate::new(
            &facts::examples(&format!("val {seed}"), 50),
            facts::judged(world),
        )
        .run(&Simulated::new().facts(world).context(), &program)
        .await
        .unwrap();
        assert_eq!(again.mean(), validation.best.mean());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_seed_gives_the_same_bytes_at_any_concurrency_and_budget() {
    let infer = |concurrency| small().racing(0.05).seed(7).concurrency(concurrency);
    let alone = written!(infer(1), "infer-1");
    assert_eq!(alone, written!(infer(16), "infer-16"));
    assert_ne!(alone.0, written!(infer(16).seed(8), "infer-seed").0);
    for calls in [1, 61, 100, 170, 300] {
        let infer = |concurrency| infer(concurrency).budget(Budget::calls(calls));
        let alone = written!(infer(1), &format!("infer-{calls}-1"));
        assert_eq!(
            alone,
            written!(infer(16), &format!("infer-{calls}-16")),
            "{calls} calls"
        );
        assert!(alone.1 <= calls, "{} of {calls}", alone.1);
    }
}

#[tokio::test]
async fn it_does_without_demonstrations_and_with_little_data() {
    let ctx = Simulated::new().context();
    let infer = small().max_bootstrapped(0).max_labeled(0).candidates(2);
    let compiled = infer
        .compile(
            &ctx,
            &program(),
            &examples("train", 2),
            &examples("val", 10),
            exact(),
        )
        .await
        .unwrap();
    assert_eq!(compiled.report.candidates.len(), 3);
    let error = InferRules::new()
        .rules(0)
        .compile(
            &ctx,
            &program(),
            &examples("train", 2),
            &examples("val", 10),
            exact(),
        )
        .await
        .unwrap_err();
    assert!(error.to_string().contains("at least 1"), "{error}");
}
