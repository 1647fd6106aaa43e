//! 5. Metrics: how good an answer is. Ready-made, of your own, with feedback, and one that asks a model.
//!
//! `cargo run -p dictum --example 05_metric`

use std::sync::Arc;

use dictum::evaluate::{MetricError, metric_async};
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
        ("Which is the highest mountain?", "Everest"),
        ("How many legs has a spider?", "8"),
    ]
    .map(|(question, answer)| Example::new(record! { question: question }, record! { answer: answer }));
    let show =
        async |question, metric: Arc<dyn Metric>| show(question, &ctx, &program, &devset, metric).await;

    // Ready-made: each compares an output field with the label of the same name. `dictum::metrics` has more.
    show("the same text?", Arc::new(exact_match("answer"))).await?;
    show("the label somewhere in it?", Arc::new(contains("answer"))).await?;

    // Of your own: a closure over the example and the output, which gives a bool, or a number from 0 to 1.
    let brief = metric_fn("brief", |_: &Example, output: &Record| words(output) <= 3);
    show("at most three words?", Arc::new(brief)).await?;

    // With feedback: words for people, and for optimizers that read.
    let tips = metric_fn("brief", |_: &Example, output: &Record| match words(output) {
        n if n <= 3 => Score::from(1.0),
        n => Score::with_feedback(3.0 / n as f64, format!("{n} words; three would do")),
    });
    show("the fewer words the better", Arc::new(tips)).await?;

    // One that asks a model. Its calls count against the same budget and stand in the same trace as the program's.
    let judge = Predict::<Judge>::new();
    let judged = metric_async("judge", move |ctx, case| {
        let judge = judge.clone();
        async move {
            let text = |record: &Record| record.text("answer").unwrap_or_default().to_owned();
            let (right_answer, given_answer) = (text(case.example.labels()), text(&case.prediction));
            let verdict = judge
                .call(
                    &ctx,
                    JudgeInput {
                        right_answer,
                        given_answer,
                    },
                )
                .await;
            // A judge that fails is an error of the metric, never a bad mark for the program.
            Ok(verdict.map_err(MetricError::new)?.same)
        }
    });
    show("the same meaning, says a model?", Arc::new(judged)).await
}

fn words(output: &Record) -> usize {
    output
        .text("answer")
        .unwrap_or_default()
        .split_whitespace()
        .count()
}

async fn show(
    question: &str,
    ctx: &Context,
    program: &Predict<Answer>,
    devset: &[Example],
    metric: Arc<dyn Metric>,
) -> Result<(), Box<dyn std::error::Error>> {
    let found = Evaluate::new(devset, metric).run(ctx, program).await?;
    println!(
        "{question} ({}) {:.2}",
        found.metric(),
        found.mean().ok_or("no row counts")?
    );
    for row in found.rows() {
        if let dictum::evaluate::RowOutcome::Scored { prediction, score } = &row.outcome {
            let feedback = score.feedback.as_deref().unwrap_or_default();
            println!(
                "  {:.2}  {}  {feedback}",
                score.value,
                prediction.text("answer").unwrap_or_default()
            );
        }
    }
    println!();
    Ok(())
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
        it if it.contains("capital") => ("answer", "Paris"),
        it if it.contains("mountain") => ("answer", "It is Mount Everest, in the Himalayas."),
        _ => ("answer", "Eight"),
    };
    format!("[[ ## {field} ## ]]\n{value}\n\n[[ ## completed ## ]]")
}
