//! What becomes a demonstration.

use dictum_core::evaluate::metric_fn;
use dictum_core::lm::Role;
use dictum_core::modules::Predict;
use dictum_optimize::{BootstrapFewShot, BootstrapRandomSearch, LabeledFewShot, Outcome};

use crate::simulated::{Simulated, Steps, exact, examples, program, question, shown};

#[tokio::test]
async fn no_prompt_ever_shows_the_example_it_asks() {
    let data = examples("all", 30);
    let lm = Simulated::new();
    let search = BootstrapRandomSearch::new()
        .candidates(4)
        .rounds(2)
        .allow_overlap();
    search
        .compile(&lm.context(), &program(), &data, &data, exact())
        .await
        .unwrap();
    let prompts = lm.prompts();
    assert!(
        prompts
            .iter()
            .filter(|messages| !shown(messages).is_empty())
            .count()
            > 100
    );
    for messages in prompts {
        assert!(!shown(&messages).contains(&question(messages.last().unwrap())));
    }
}

#[tokio::test]
async fn scoring_on_the_trainset_must_be_meant() {
    let data = examples("all", 30);
    let ctx = Simulated::new().context();
    let search = BootstrapRandomSearch::new();
    let error = search
        .compile(&ctx, &program(), &data, &data, exact())
        .await
        .unwrap_err();
    assert!(
        error.to_string().contains("30 of its 30 examples in common"),
        "{error}"
    );

    let mut val = examples("val", 20);
    val.extend_from_slice(&data[..3]);
    let compiled = search
        .compile(&ctx, &program(), &data, &val, exact())
        .await
        .unwrap();
    assert!(
        compiled.report.notes[0].contains("3 of 23"),
        "{:?}",
        compiled.report.notes
    );
}

#[tokio::test]
async fn a_validation_set_is_split_off_where_one_is_needed() {
    let ctx = Simulated::new().context();
    let search = BootstrapRandomSearch::new().candidates(2);
    let compiled = search
        .compile(&ctx, &program(), &examples("all", 40), &[], exact())
        .await
        .unwrap();
    let rows = compiled.report.validation.unwrap().baseline.rows().len();
    assert_eq!(rows, 10);
}

#[tokio::test]
async fn labelled_demonstrations_call_no_model_without_data_to_measure_on() {
    let lm = Simulated::new();
    let train = examples("train", 20);
    let labeled = LabeledFewShot::new().k(3).first();
    let compiled = labeled
        .compile(&lm.context(), &program(), &train, &[], exact())
        .await
        .unwrap();
    assert_eq!((lm.calls(), compiled.outcome), (0, Outcome::Unmeasured));
    let demos = &compiled.overlay.get("self").unwrap().demos;
    let questions: Vec<_> = demos
        .iter()
        .map(|demo| demo.fields.text("question").unwrap())
        .collect();
    assert_eq!(
        questions,
        [
            "question 0 of train",
            "question 1 of train",
            "question 2 of train"
        ]
    );
}

#[tokio::test]
async fn thresholds_of_zero_and_below_are_thresholds() {
    let train = examples("train", 20);
    let ctx = Simulated::new().context();
    for (threshold, wanted) in [
        (Some(0.0), "middle"),
        (Some(-1.0), "low middle"),
        (Some(0.5), ""),
        (None, ""),
    ] {
        // Scores of -2, -1 and 0 by the number of the example.
        let metric = metric_fn("by number", |example, _| {
            let question = example.inputs().text("question").unwrap();
            let number: u32 = question.split(' ').nth(1).unwrap().parse().unwrap();
            f64::from(number % 3) - 2.0
        });
        let mut bootstrap = BootstrapFewShot::new().max_bootstrapped(20).max_labeled(0);
        if let Some(threshold) = threshold {
            bootstrap = bootstrap.metric_threshold(threshold);
        }
        let compiled = bootstrap
            .compile(&ctx, &program(), &train, &[], metric)
            .await
            .unwrap();
        let found = compiled.overlay.get("self").unwrap().demos.len();
        let expected = match wanted {
            "middle" => 6,
            "low middle" => 13,
            _ => 0,
        };
        assert_eq!(found, expected, "threshold {threshold:?}");
    }
}

#[tokio::test]
async fn rounds_try_again_with_new_samples_and_higher_temperature() {
    let train = examples("train", 30);
    let lm = Simulated::new();
    let bootstrap = BootstrapFewShot::new().max_bootstrapped(30).max_labeled(0);
    let once = bootstrap
        .clone()
        .compile(&lm.context(), &program(), &train, &[], exact())
        .await
        .unwrap();
    assert_eq!(lm.calls(), 30);
    let lm = Simulated::new();
    let five = bootstrap
        .rounds(5)
        .compile(&lm.context(), &program(), &train, &[], exact())
        .await
        .unwrap();
    let count = |compiled: &dictum_optimize::Compiled| compiled.overlay.get("self").unwrap().demos.len();
    assert!(count(&five) > count(&once) && lm.calls() > 30 && lm.calls() < 150);
}

#[tokio::test]
async fn every_predictor_of_a_program_learns_from_its_own_calls() {
    let program = Steps::new();
    let ctx = Simulated::new().context();
    let bootstrap = BootstrapFewShot::new().max_bootstrapped(4).max_labeled(4).seed(3);
    let compiled = bootstrap
        .compile(&ctx, &program, &examples("train", 40), &[], exact())
        .await
        .unwrap();
    let guesses = &compiled.overlay.get("guess").unwrap().demos;
    let answers = &compiled.overlay.get("answer").unwrap().demos;
    assert_eq!((guesses.len(), answers.len()), (4, 4));
    for (guess, answer) in guesses.iter().zip(answers) {
        let (guess, answer) = (
            guess.fields.text("question").unwrap(),
            answer.fields.text("question").unwrap(),
        );
        assert!(
            guess.strip_prefix(answer).unwrap().starts_with(" turn "),
            "{guess} / {answer}"
        );
    }
    assert!(answers.iter().all(|demo| demo.augmented));
}

#[tokio::test]
async fn a_teacher_needs_the_same_predictors() {
    let ctx = Simulated::new().context();
    let train = examples("train", 10);
    let teacher = Predict::parse("question -> reasoning, answer").unwrap();
    let bootstrap = BootstrapFewShot::new().teacher(teacher);
    let error = bootstrap
        .compile(&ctx, &program(), &train, &[], exact())
        .await
        .unwrap_err();
    assert!(
        error.to_string().contains("`question`, `reasoning`, `answer`"),
        "{error}"
    );
}

#[tokio::test]
async fn a_teacher_of_another_model_answers_in_its_place() {
    let (student, teacher) = (Simulated::new(), Simulated::new());
    let train = examples("train", 40);
    let bootstrap = BootstrapFewShot::new()
        .max_labeled(4)
        .teacher_context(&teacher.context());
    let compiled = bootstrap
        .compile(
            &student.context(),
            &program(),
            &train,
            &examples("val", 20),
            exact(),
        )
        .await
        .unwrap();
    assert!(teacher.calls() >= 4 && teacher.calls() < 20);
    assert_eq!(student.calls(), 40);
    assert_eq!(compiled.report.spent.calls, 40 + teacher.calls());
    let first = teacher.prompts().remove(0);
    assert_eq!(
        first
            .iter()
            .filter(|message| message.role == Role::Assistant)
            .count(),
        4
    );
}
