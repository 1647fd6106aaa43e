use dictum_core::data::Example;
use dictum_core::evaluate::{Case, Metric, MetricError, Score, metric_async};
use dictum_core::metrics::by_spec;
use dictum_core::program::Trace;
use dictum_core::{Record, record};

use crate::support::{canned, chat};

async fn judge(metric: impl Metric, labels: Record, prediction: Record) -> Result<Score, MetricError> {
    let example = Example::new(record! { q: "?" }, labels);
    let case = Case {
        example: &example,
        prediction: &prediction,
        trace: &Trace::bounded(8),
    };
    metric.score(&canned(|_| Ok(chat("verdict", "yes"))), case).await
}

async fn score(spec: &str, labels: Record, prediction: Record) -> f64 {
    judge(by_spec(spec).unwrap(), labels, prediction)
        .await
        .unwrap()
        .value
}

#[tokio::test]
async fn each_metric_scores_by_its_rule() {
    for (spec, label, output, wanted) in [
        ("exact:x", record! { x: "Paris" }, record! { x: " Paris\n" }, 1.0),
        ("exact:x", record! { x: "Paris" }, record! { x: "paris" }, 0.0),
        ("exact:x", record! { x: ["a", "b"] }, record! { x: "b" }, 1.0),
        (
            "exact:x",
            record! { x: ["a", "b"] },
            record! { x: ["a", "b"] },
            1.0,
        ),
        ("exact:x", record! { x: ["a", "b"] }, record! { x: ["b"] }, 0.0),
        ("exact:x", record! { x: () }, record! { x: () }, 1.0),
        (
            "normalized:x",
            record! { x: "the Eiffel Tower" },
            record! { x: "Eiffel tower!" },
            1.0,
        ),
        ("normalized:x", record! { x: "3.5" }, record! { x: "35" }, 0.0),
        (
            "contains:x",
            record! { x: "art" },
            record! { x: "an art gallery" },
            1.0,
        ),
        ("contains:x", record! { x: "art" }, record! { x: "a party" }, 0.0),
        (
            "contains:x",
            record! { x: ["no", "New York"] },
            record! { x: "It is new york." },
            1.0,
        ),
        // 2 of 3 words given, 2 of 4 wanted: 2 * 2 / (3 + 4).
        (
            "f1:x",
            record! { x: "red green blue red" },
            record! { x: "red, green and" },
            4.0 / 7.0,
        ),
        ("f1:x", record! { x: "" }, record! { x: "!" }, 1.0),
        ("f1:x", record! { x: "" }, record! { x: "word" }, 0.0),
        ("numeric:x", record! { x: 0.3 }, record! { x: 0.1 + 0.2 }, 1.0),
        ("numeric:x:0.1", record! { x: 1.0 }, record! { x: 1.1 }, 1.0),
        ("numeric:x:0.1", record! { x: 1.0 }, record! { x: 1.11 }, 0.0),
        ("numeric:x:5%", record! { x: "-200" }, record! { x: -209 }, 1.0),
        ("numeric:x:5%", record! { x: 200 }, record! { x: 211 }, 0.0),
        ("numeric:x", record! { x: 5 }, record! { x: "no idea" }, 0.0),
        (
            "passage:docs:x",
            record! { x: ["Bonn", "Berlin"] },
            record! { docs: ["Paris is ...", "The capital, Berlin, ..."] },
            1.0,
        ),
        (
            "passage:docs:x",
            record! { x: "Bonn" },
            record! { docs: ["Bonnie and Clyde"] },
            0.0,
        ),
    ] {
        let found = score(spec, label.clone(), output.clone()).await;
        assert!(
            (found - wanted).abs() < 1e-12,
            "{spec} {label:?} {output:?}: {found}"
        );
    }
}

#[tokio::test]
async fn faulty_data_is_a_fault_of_the_metric() {
    for (spec, label, output, wanted) in [
        (
            "exact:x",
            record! { y: 1 },
            record! { x: 1 },
            "the example has no label `x`; its labels are `y`",
        ),
        (
            "exact:x",
            record! { x: 1 },
            record! {},
            "the program gives no output `x`; it gives none",
        ),
        (
            "f1:x",
            record! { x: serde_json::json!([]) },
            record! { x: "a" },
            "the label `x` is a list without any answer",
        ),
        (
            "contains:x",
            record! { x: "..." },
            record! { x: "a" },
            "the label `x` holds no words",
        ),
        (
            "numeric:x",
            record! { x: "many" },
            record! { x: 1 },
            "the label `x` is no number: \"many\"",
        ),
    ] {
        let error = judge(by_spec(spec).unwrap(), label, output)
            .await
            .unwrap_err()
            .to_string();
        assert!(error.starts_with(wanted), "{error}");
    }
}

#[tokio::test]
async fn a_score_that_is_not_full_says_why() {
    let metric = by_spec("exact:x").unwrap();
    let score = judge(&metric, record! { x: ["a", "b"] }, record! { x: "c" })
        .await
        .unwrap();
    assert_eq!(score.feedback.unwrap(), r#"expected "a" or "b", got "c""#);
    let right = judge(&metric, record! { x: "c" }, record! { x: "c" })
        .await
        .unwrap();
    assert_eq!(right.feedback, None);
}

#[test]
fn a_metric_is_named_as_it_is_asked_for() {
    for spec in [
        "exact:label",
        "normalized:a",
        "contains:a",
        "f1:a",
        "numeric:a",
        "numeric:a:0.01",
        "numeric:a:5%",
        "passage:docs:a",
    ] {
        assert_eq!(by_spec(spec).unwrap().name(), spec);
    }
    let error = |spec| by_spec(spec).map(|_| ()).unwrap_err().to_string();
    let unknown = error("exactly:x");
    assert!(
        unknown.starts_with("there is no metric `exactly`") && unknown.contains("normalized:FIELD"),
        "{unknown}"
    );
    assert!(error("exact").contains("write `exact:FIELD`"));
    assert!(error("passage:docs").contains("write `passage:PASSAGES:ANSWERS`"));
    assert!(error("numeric:x:little").contains("must be a number"));
    assert!(error("numeric:x:-1").contains("must be a number"));
}

#[tokio::test]
async fn an_async_metric_may_call_a_model() {
    let judge_model = dictum_core::modules::Predict::parse("answer -> verdict").unwrap();
    let judge_model = std::sync::Arc::new(judge_model);
    let metric = metric_async("judge", move |ctx, case| {
        let judge = judge_model.clone();
        async move {
            let answer = case.prediction.text("x").unwrap_or_default().to_owned();
            let verdict = judge.call(&ctx, record! { answer: answer }).await;
            let verdict = verdict.map_err(MetricError::new)?;
            Ok(verdict.text("verdict") == Some("yes"))
        }
    });
    let score = judge(metric, record! {}, record! { x: "a" }).await.unwrap();
    assert!((score.value - 1.0).abs() < f64::EPSILON);
}
