//! New programs from old ones: fewer demonstrations, one more demonstration, one more rule.

use dictum_core::Record;
use dictum_core::program::Demo;
use serde_json::Value;

use super::bucket::Attempt;
use crate::candidate::{Candidate, InputKey};
use crate::plan::Plan;
use crate::rng::Rng;

/// `source` without some of its demonstrations, the same places for all predictors. How many is a Poisson number around the
/// share of `max_demos` they take, and at least one when there is room for no more.
pub(super) fn drop_demos(
    source: &Candidate,
    label: &str,
    plan: &Plan,
    max_demos: usize,
    rng: &mut Rng,
) -> Candidate {
    let count = |path: &str| {
        let state = source.overlay().get(path);
        state.map_or(0, |state| state.demos.len())
    };
    let most = plan
        .predictors
        .iter()
        .map(|part| count(&part.path))
        .max()
        .unwrap_or(0);
    // Without demonstrations to come, those the program had still give way to rules, at a rate of their own.
    let room = if max_demos > 0 { max_demos } else { 3 };
    let drops = poisson(most as f64 / room as f64, rng)
        .max(usize::from(most >= room))
        .min(most);
    let places: Vec<usize> = (0..drops).map(|_| rng.below(most)).collect();
    let mut candidate = Candidate::new(label, source.role(), source.overlay().clone());
    for part in &plan.predictors {
        let mut state = source.overlay().get(&part.path).cloned().unwrap_or_default();
        let mut sources = source.sources_of(&part.path);
        let mut place = 0;
        state.demos.retain(|_| {
            place += 1;
            !places.contains(&(place - 1))
        });
        place = 0;
        sources.retain(|_| {
            place += 1;
            !places.contains(&(place - 1))
        });
        candidate = candidate.with(&part.path, state, sources);
    }
    candidate
}

/// The candidate with the last call of each predictor in this attempt as one more demonstration.
pub(super) fn append_demo(
    mut candidate: Candidate,
    plan: &Plan,
    attempt: &Attempt,
    max_chars: usize,
) -> Candidate {
    let source = InputKey::of(&attempt.done.row.example);
    for part in &plan.predictors {
        let mut calls = attempt.done.steps.iter();
        let last = calls.rfind(|step| step.path == part.path && step.failure.is_none());
        let Some(step) = last else { continue };
        let inputs = step
            .inputs
            .iter()
            .map(|(name, value)| (name, cut(value, max_chars)));
        let outputs = step.outputs.iter().map(|(name, value)| (name, value.clone()));
        let fields: Record = inputs.chain(outputs).collect();
        let mut state = candidate.overlay().get(&part.path).cloned().unwrap_or_default();
        let mut sources = candidate.sources_of(&part.path);
        state.demos.push(Demo::augmented(fields));
        sources.push(Some(source.clone()));
        candidate = candidate.with(&part.path, state, sources);
    }
    candidate
}

/// The candidate with these rules at the end of the instructions of their predictors.
pub(super) fn append_rules(mut candidate: Candidate, plan: &Plan, rules: &[(String, String)]) -> Candidate {
    for part in &plan.predictors {
        for (_, rule) in rules.iter().filter(|(path, _)| *path == part.path) {
            let mut state = candidate.overlay().get(&part.path).cloned().unwrap_or_default();
            let before = part.instructions(&candidate);
            state.instructions = Some(format!("{before}\n\n{rule}"));
            let sources = candidate.sources_of(&part.path);
            candidate = candidate.with(&part.path, state, sources);
        }
    }
    candidate
}

/// A text of at most so many characters; other values are whole or of the wrong type.
fn cut(value: &Value, max_chars: usize) -> Value {
    if let Value::String(text) = value
        && let Some((end, _)) = text.char_indices().nth(max_chars)
    {
        return Value::String(format!("{} [...]", text.get(..end).unwrap_or_default()));
    }
    value.clone()
}

/// A Poisson number, by Knuth's method: means here are about 1.
fn poisson(mean: f64, rng: &mut Rng) -> usize {
    let (floor, mut product, mut count) = ((-mean).exp(), rng.unit(), 0);
    while product > floor && count < 1_000 {
        product *= rng.unit();
        count += 1;
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn poisson_numbers_have_the_mean_and_variance_they_should() {
        for mean in [0.0, 0.25, 1.0, 2.5] {
            let mut rng = Rng::of(&("poisson", mean.to_string()));
            let numbers: Vec<f64> = (0..20_000).map(|_| poisson(mean, &mut rng) as f64).collect();
            let average = numbers.iter().sum::<f64>() / 20_000.0;
            let variance = numbers.iter().map(|n| (n - average).powi(2)).sum::<f64>() / 20_000.0;
            assert!((average - mean).abs() < 0.07, "{average} for {mean}");
            assert!((variance - mean).abs() < 0.15, "{variance} for {mean}");
        }
    }
}
