//! The tasks: data, programs, metric. `scripts/dspy/compare.py` has the same programs and words.

use dictum::prelude::*;

use crate::Or;
use crate::args::Args;
use crate::numbers::Numbers;
use crate::plan::Plan;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Task {
    /// One predictor: `data/temporal-questions`.
    Questions,
    /// Two predictors: `data/review-sources`.
    Reviews,
}

/// The rows of a task: to learn from, to choose by, to measure on.
#[derive(Debug)]
pub(crate) struct Data {
    pub(crate) train: Vec<Example>,
    pub(crate) val: Vec<Example>,
    pub(crate) test: Vec<Example>,
}

impl Task {
    pub(crate) const ALL: [Self; 2] = [Self::Questions, Self::Reviews];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Questions => "questions",
            Self::Reviews => "reviews",
        }
    }

    /// As the page says it.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Questions => "`questions`: one predictor, `data/temporal-questions`",
            Self::Reviews => "`reviews`: two predictors, `data/review-sources`",
        }
    }

    fn folder(self) -> &'static str {
        match self {
            Self::Questions => "data/temporal-questions",
            Self::Reviews => "data/review-sources",
        }
    }

    fn columns(self) -> &'static str {
        match self {
            Self::Questions => "question -> category",
            Self::Reviews => "review -> source, sentiment",
        }
    }

    /// The labels an answer must have right, all of them.
    pub(crate) fn labels(self) -> &'static [&'static str] {
        match self {
            Self::Questions => &["category"],
            Self::Reviews => &["source", "sentiment"],
        }
    }

    /// The same rows for every system and seed; a seed puts those to learn from and to choose by in another order.
    pub(crate) fn data(self, args: &Args, seed: u64) -> Or<Data> {
        let plan = Plan::of(args, self);
        let loader = Loader::for_signature(&SignatureSpec::parse(self.columns())?);
        let load = |name: &str, rows: usize, mixed: bool| -> Or<Vec<Example>> {
            let file = args.root.join(self.folder()).join(name);
            let mut examples = loader.path(&file)?;
            if examples.len() < rows {
                return Err(format!("{} has {} rows, not {rows}", file.display(), examples.len()).into());
            }
            examples.truncate(rows);
            if mixed {
                shuffle(&mut examples, seed);
            }
            Ok(examples)
        };
        Ok(Data {
            train: load("train.csv", plan.train, true)?,
            val: load("val.csv", plan.val, true)?,
            test: load("test.csv", plan.test, false)?,
        })
    }

    /// Whether all labels are right, and in words which are not.
    pub(crate) fn metric(self) -> impl Metric + Clone {
        let labels = self.labels();
        metric_fn("all labels right", move |example: &Example, output: &Record| {
            let mut right = true;
            let mut words = Vec::new();
            for label in labels {
                let said = output.text(label).unwrap_or_default();
                let wanted = example.labels().text(label).unwrap_or_default();
                right &= said == wanted;
                words.push(if said == wanted {
                    format!("The {label} `{said}` is right.")
                } else {
                    format!("The {label} `{said}` is wrong; right is `{wanted}`.")
                });
            }
            Score::with_feedback(if right { 1.0 } else { 0.0 }, words.join(" "))
        })
    }
}

/// Fisher and Yates.
fn shuffle<T>(items: &mut [T], seed: u64) {
    let mut numbers = Numbers::of(seed);
    for last in (1..items.len()).rev() {
        items.swap(last, numbers.below(last + 1));
    }
}

/// Given a question about an event, name the kind of temporal reasoning that it asks for.
#[derive(Debug, Signature)]
pub(crate) struct Classify {
    #[input]
    question: String,
    #[output]
    category: Category,
}

#[derive(Debug, Clone, FieldType)]
pub(crate) enum Category {
    #[serde(rename = "Absolute Timepoint")]
    AbsoluteTimepoint,
    #[serde(rename = "Event Duration")]
    EventDuration,
    #[serde(rename = "Event Ordering")]
    EventOrdering,
    Frequency,
    #[serde(rename = "Transient v. Stationary")]
    TransientStationary,
}

/// Say in a few words what the review is about.
#[derive(Debug, Signature)]
pub(crate) struct Describe {
    #[input]
    review: String,
    #[output]
    subject: String,
}

/// Given a review and its subject, say where it was posted and whether it is positive or negative.
#[derive(Debug, Signature)]
pub(crate) struct Place {
    #[input]
    review: String,
    #[input]
    subject: String,
    #[output]
    source: Source,
    #[output]
    sentiment: Sentiment,
}

#[derive(Debug, Clone, FieldType)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Source {
    Amazon,
    Imdb,
    Yelp,
}

#[derive(Debug, Clone, FieldType)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Sentiment {
    Negative,
    Positive,
}

/// What a review is about first, then where it comes from.
#[derive(Debug, Parameters)]
pub(crate) struct Reviews {
    describe: Predict<Describe>,
    place: Predict<Place>,
}

impl Reviews {
    pub(crate) fn new() -> Self {
        Self {
            describe: Predict::new(),
            place: Predict::new(),
        }
    }
}

#[derive(Debug, Fields)]
pub(crate) struct Review {
    review: String,
}

#[derive(Debug, Fields)]
pub(crate) struct Placed {
    source: Source,
    sentiment: Sentiment,
}

impl Module for Reviews {
    type Input = Review;
    type Output = Placed;

    async fn forward(&self, ctx: &Context, input: Review) -> Result<Placed> {
        let review = input.review;
        let described = DescribeInput {
            review: review.clone(),
        };
        let subject = self.describe.call(ctx, described).await?.subject;
        let placed = self.place.call(ctx, PlaceInput { review, subject }).await?;
        Ok(Placed {
            source: placed.source,
            sentiment: placed.sentiment,
        })
    }
}
