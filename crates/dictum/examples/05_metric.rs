//! 5. Metrics: how good an answer is. Ready-made, of your own, with feedback, and one that asks a model.
//!
//! `cargo run -p dictum --example 05_metric`

use std::sync::Arc;

use dictum::evaluate::{MetricError, RowOutcome, metric_async};
use dictum::lm::{Request, Response};
use dictum::metrics::contains;
use dictum::prelude::*;
use dictum_testkit::CannedLm;

/// Answer the question.
#[derive(Signature)]
struct Answer {
    #[input]
    question: String,
    #[output]
    answer: String,
}

/// Say whether both answers mean the same.
#[derive(Signature)]
struct Judge {
    #[input]
    right_answer: String,
    #[input]
    given_answer: String,
    #[output]
    same: bool,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let ctx = Context::new(CannedLm::new(|request| Ok(Response::text(stand_in(request)))).lm());
    let program = Predict::<Answer>::new();
    let devset = [
        ("What is the capital of France?", "Paris"),
        ("What is the capital of Germany?", "Berlin"),
        ("Which is the highest mountain?", "Everest"),
        ("How many legs has a spider?", "8"),
    ]
    .map(|(question, answer)| Example::new(record! { question: question }, record! { answer: answer }));

    // Of your own: a closure over the example and the output, which gives a bool, or a number from 0 to 1.
    let brief = metric_fn("brief", |_: &Example, output: &Record| words(output) <= 3);

    // With feedback: words for people, and for optimizers that read.
    let tips = metric_fn("brief, with tips", |_: &Example, output: &Record| {
        let n = words(output);
        match n {
            0..=3 => Score::from(1.0),
            _ => Score::with_feedback(3.0 / n as f64, format!("{n} words; three would do")),
        }
    });

    // One that asks a model. Its calls count against the same budget and stand in the same trace as the program's.
    let judge = Predict::<Judge>::new();
    let judged = metric_async("judge", move |ctx, case| {
        let judge = judge.clone();
        async move {
            let text = |record: &Record| record.text("answer").unwrap_or_default().to_owned();
            let (right_answer, given_answer) = (text(case.example.labels()), text(&case.prediction));
            let input = JudgeInput {
                right_answer,
                given_answer,
            };
            let verdict = judge.call(&ctx, input).await;
            // A judge that fails is an error of the metric, never a bad mark for the program.
            Ok(verdict.map_err(MetricError::new)?.same)
        }
    });

    // These two are ready-made: they compare an output field with the label of the same name. `dictum::metrics` has
    // more of them.
    let ready: [Arc<dyn Metric>; 2] = [Arc::new(exact_match("answer")), Arc::new(contains("answer"))];
    let own: [Arc<dyn Metric>; 3] = [Arc::new(brief), Arc::new(tips), Arc::new(judged)];
    for metric in ready.into_iter().chain(own) {
        let found = Evaluate::new(&devset, metric).run(&ctx, &program).await?;
        println!("{}: {found}", found.metric());
        for row in found.rows() {
            if let RowOutcome::Scored { prediction, score } = &row.outcome {
                let answer = prediction.text("answer").unwrap_or_default();
                let feedback = score.feedback.as_deref().map(|it| format!(" ({it})"));
                println!("  {:.2} {answer}{}", score.value, feedback.unwrap_or_default());
            }
        }
    }
    Ok(())
}

fn words(output: &Record) -> usize {
    let answer = output.text("answer").unwrap_or_default();
    answer.split_whitespace().count()
}

/// Stands in for a model, so that this runs anywhere.
fn stand_in(request: &Request) -> String {
    let asked = request
        .messages()
        .last()
        .map(|message| message.to_text())
        .unwrap_or_default();
    let (field, value) = match asked.as_str() {
        it if it.contains("right_answer") => ("same", if it.contains("Berlin") { "false" } else { "true" }),
        it if it.contains("Germany") => ("answer", "Bonn"),
        it if it.contains("capital") => ("answer", "Paris"),
        it if it.contains("mountain") => ("answer", "It is Mount Everest, in the Himalayas."),
        _ => ("answer", "Eight"),
    };
    format!("[[ ## {field} ## ]]\n{value}\n\n[[ ## completed ## ]]")
}
