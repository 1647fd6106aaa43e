//! Ready-made metrics, one file each. All compare an output field with the label of the same name.
//!
//! Rules they share, unless they say otherwise:
//! - A label that is a list, where the output is not, holds acceptable answers: the best match counts.
//! - A label or output that is missing is a [`MetricError`](crate::evaluate::MetricError): the data or the metric's field
//!   name is wrong, not the program.
//!
//! To add one: a file here with a function that gives an `impl Metric`, its `pub use` below, and one line in `spec.rs`, so
//! that it can be had by name.

mod contains;
mod exact_match;
mod label;
mod normalized_match;
mod numeric;
mod passage_match;
mod spec;
mod text;
mod token_f1;

pub use contains::contains;
pub use exact_match::exact_match;
pub use normalized_match::normalized_match;
pub use numeric::{Tolerance, numeric};
pub use passage_match::passage_match;
pub use spec::{MetricInfo, by_spec, list};
pub use text::{normalize, tokens};
pub use token_f1::token_f1;
