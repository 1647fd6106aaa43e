//! [`Simba`]: what it gains, and what it never does.

use dictum_core::lm::Budget;
use dictum_optimize::Simba;

use crate::facts::{self, World};
use crate::simulated::{Simulated, exact, examples, program, question, shown};
use crate::trials::{false_claims, mean_gain, written};

fn small() -> Simba {
    Simba::new().batch_size(16).candidates(4).steps(5)
}

#[tokio::test]
async fn rules_and_demonstrations_raise_the_score_on_unseen_data() {
    let (rules, calls) = mean_gain!(small().max_demos(0), demos: false, seeds: 10);
    eprintln!(
        "rules: {rules:.3} from {:.3}, optimum {:.3}, {calls} calls",
        facts::BARE,
        facts::OPTIMUM
    );
    let (both, calls) = mean_gain!(small(), demos: false, seeds: 10);
    eprintln!("rules or demonstrations: {both:.3}, {calls} calls");
    assert!(rules > facts::BARE + 0.35, "{rules}");
    assert!(both > facts::BARE + 0.25, "{both}");
}

#[tokio::test]
async fn noise_is_not_called_a_gain() {
    let claims = false_claims!(small().steps(3), seeds: 20);
    assert!(claims <= 3, "{claims} of 20");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_seed_gives_the_same_bytes_at_any_concurrency_and_budget() {
    let simba = |concurrency| small().steps(3).seed(7).concurrency(concurrency);
    let alone = written!(simba(1), "simba-1");
    assert_eq!(alone, written!(simba(16), "simba-16"));
    assert_ne!(alone.0, written!(simba(16).seed(8), "simba-seed").0);
    for calls in [1, 59, 75, 200, 301, 420] {
        let simba = |concurrency| simba(concurrency).budget(Budget::calls(calls));
        let alone = written!(simba(1), &format!("simba-{calls}-1"));
        assert_eq!(
            alone,
            written!(simba(16), &format!("simba-{calls}-16")),
            "{calls} calls"
        );
        assert!(alone.1 <= calls, "{} of {calls}", alone.1);
    }
}

/// Rollouts that are scored show no demonstration made from the example they ask.
#[tokio::test]
async fn no_prompt_ever_shows_the_example_it_asks() {
    let data = examples("all", 24);
    let lm = Simulated::new();
    small()
        .steps(6)
        .batch_size(24)
        .allow_overlap()
        .compile(&lm.context(), &program(), &data, &data, exact())
        .await
        .unwrap();
    let prompts = lm.prompts();
    let asked = |messages: &[dictum_core::lm::Message]| {
        messages
            .last()
            .unwrap()
            .to_text()
            .contains("[[ ## question ## ]]\n")
    };
    let with_demos = prompts
        .iter()
        .filter(|messages| asked(messages) && !shown(messages).is_empty());
    assert!(with_demos.count() > 100);
    for messages in prompts.iter().filter(|messages| asked(messages)) {
        assert!(!shown(messages).contains(&question(messages.last().unwrap())));
    }
}

/// A trainset smaller than a batch makes the batch, one example included.
#[tokio::test]
async fn small_data_and_single_predictors_do() {
    let ctx = Simulated::new().context();
    for train in [1, 3] {
        let compiled = small()
            .compile(
                &ctx,
                &program(),
                &examples("train", train),
                &examples("val", 10),
                exact(),
            )
            .await
            .unwrap();
        assert!(!compiled.report.candidates.is_empty());
    }
}

/// Attempts by the teacher's model are what is learned from where the program's own model knows nothing.
#[tokio::test]
async fn a_teacher_makes_the_attempts_to_learn_from() {
    let world = World {
        seed: 1,
        demos: false,
    };
    let (student, teacher) = (Simulated::new().facts(world), Simulated::new().facts(world));
    let data = facts::examples("train", 30);
    small()
        .steps(2)
        .teacher_context(&teacher.context())
        .compile(
            &student.context(),
            &facts::TwoSteps::new(),
            &data,
            &facts::examples("val", 20),
            facts::judged(world),
        )
        .await
        .unwrap();
    // One of four attempts at each of 16 examples in 2 steps, two calls each.
    assert_eq!(teacher.calls(), 2 * 16 * 2);
}
