//! [`passage_match`].

use super::{contains, label};
use crate::evaluate::{Metric, try_metric_fn};

/// 1 when one of the passages in the output `passages` contains an answer of the label `answers`, else 0: whether a
/// retriever found what is needed. Compares as [`super::contains`] does. The passages are a list of texts, or one text.
pub fn passage_match(passages: &str, answers: &str) -> impl Metric + Clone + use<> {
    let (passages, answers) = (passages.to_owned(), answers.to_owned());
    try_metric_fn(
        format!("passage:{passages}:{answers}"),
        move |example, prediction| {
            let found = label::output(&passages, prediction)?;
            let right = label::answers(&answers, example, false)?;
            contains::stands_in(&answers, &right, found)
        },
    )
}
