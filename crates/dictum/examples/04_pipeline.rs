//! 4. A pipeline: retrieve, summarize, classify. Programs are plain Rust; a retriever is a plain function.
//!
//! `cargo run -p dictum --example 04_pipeline`

mod support;

use dictum::prelude::*;

/// Summarize what the notes say about the question, in one sentence.
#[derive(Signature)]
struct Summarize {
    #[input]
    question: String,
    #[input]
    notes: Vec<String>,
    #[output]
    summary: String,
}

/// Say which kind of work the summary calls for.
#[derive(Signature)]
struct Classify {
    #[input]
    summary: String,
    #[output]
    work: Work,
}

#[derive(Debug, Clone, FieldType)]
enum Work {
    /// Something is broken and must be mended.
    Repair,
    /// Something is missing and must be bought.
    Purchase,
    /// Something is dirty.
    Cleaning,
}

/// The whole program. `derive(Parameters)` finds both predictors, as `summarize` and `classify`: an optimizer can improve
/// either, and a saved state names them.
#[derive(Parameters)]
struct Facility {
    #[parameters(skip)]
    notes: Notes,
    summarize: Predict<Summarize>,
    classify: Predict<Classify>,
}

/// A retriever without a model: the notes that share most words with the question.
struct Notes(Vec<&'static str>);

impl Notes {
    fn search(&self, question: &str, most: usize) -> Vec<String> {
        let words: Vec<String> = question
            .to_lowercase()
            .split_whitespace()
            .map(str::to_owned)
            .collect();
        let shared = |note: &str| {
            words
                .iter()
                .filter(|word| note.to_lowercase().contains(word.as_str()))
                .count()
        };
        let mut found: Vec<&&str> = self.0.iter().filter(|note| shared(note) > 0).collect();
        found.sort_by_key(|note| std::cmp::Reverse(shared(note)));
        found
            .into_iter()
            .take(most)
            .map(|note| (*note).to_owned())
            .collect()
    }
}

#[derive(Fields)]
struct Question {
    question: String,
}

#[derive(Fields)]
struct Finding {
    summary: String,
    work: Work,
}

impl Module for Facility {
    type Input = Question;
    type Output = Finding;

    async fn forward(&self, ctx: &Context, input: Question) -> Result<Finding> {
        let notes = self.notes.search(&input.question, 2);
        let input = SummarizeInput {
            question: input.question,
            notes,
        };
        let summary = self.summarize.call(ctx, input).await?.summary;
        let work = self
            .classify
            .call(
                ctx,
                ClassifyInput {
                    summary: summary.clone(),
                },
            )
            .await?
            .work;
        Ok(Finding { summary, work })
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let ctx = Context::new(support::lm("04_pipeline")?);
    let facility = Facility {
        notes: Notes(vec![
            "Room 4: the window does not close and rain comes in.",
            "Room 2: two chairs are missing.",
            "Kitchen: the floor is sticky.",
        ]),
        summarize: Predict::new(),
        classify: Predict::new(),
    };
    let ctx = ctx.for_program(&facility);
    let out = facility
        .call(
            &ctx,
            Question {
                question: "What about the window in room 4?".into(),
            },
        )
        .await?;
    println!("{} ({:?})", out.summary, out.work);
    for step in ctx.trace().steps() {
        println!("- {} made {} call(s)", step.path, step.calls.len());
    }
    Ok(())
}
