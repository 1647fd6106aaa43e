//! Demonstrations from labelled examples.

use std::sync::Arc;

use dictum_core::Record;
use dictum_core::data::Example;
use dictum_core::program::Demo;
use dictum_core::signature::SignatureSpec;

use crate::candidate::{Candidate, InputKey};
use crate::plan::{Part, Plan};
use crate::rng::Rng;

/// A demonstration of this signature from what is known of an example. `None` when the example says nothing of its inputs
/// or nothing of its outputs, as for the inner predictors of most programs.
pub(super) fn labeled(example: &Example, spec: &SignatureSpec) -> Option<Demo> {
    let value = |name: &str| example.inputs().get(name).or_else(|| example.labels().get(name));
    let knows = |mut fields: std::slice::Iter<'_, dictum_core::signature::FieldSpec>| {
        fields.any(|field| value(&field.name).is_some())
    };
    if !knows(spec.outputs().iter()) || !(spec.inputs().is_empty() || knows(spec.inputs().iter())) {
        return None;
    }
    let fields = spec.fields().iter();
    let fields: Record = fields
        .filter_map(|field| Some((field.name.clone(), value(&field.name)?.clone())))
        .collect();
    Some(Demo::labeled(fields))
}

/// At most `k` labelled demonstrations for a predictor, with their sources: a sample when there is a generator, else the
/// first. Examples that ask the same are taken once.
pub(super) fn pick(
    part: &Part,
    pool: &[Arc<Example>],
    k: usize,
    rng: Option<Rng>,
) -> (Vec<Demo>, Vec<Option<InputKey>>) {
    let mut order: Vec<&Arc<Example>> = pool.iter().collect();
    if let Some(mut rng) = rng {
        rng.shuffle(&mut order);
    }
    let (mut demos, mut sources) = (Vec::new(), Vec::new());
    for example in order {
        if demos.len() >= k {
            break;
        }
        let source = Some(InputKey::of(example));
        if !sources.contains(&source)
            && let Some(demo) = labeled(example, &part.spec)
        {
            demos.push(demo);
            sources.push(source);
        }
    }
    (demos, sources)
}

/// `base` with at most `k` labelled demonstrations for each predictor in place of those it has.
pub(super) fn with_labeled(base: &Candidate, label: &str, plan: &Plan, k: usize, sampled: bool) -> Candidate {
    let mut candidate = Candidate::new(label, base.role(), base.overlay().clone());
    for part in &plan.predictors {
        let rng = sampled.then(|| Rng::of(&("labeled", plan.seed, &part.path)));
        let (demos, sources) = pick(part, &plan.trainset, k, rng);
        let mut state = base.overlay().get(&part.path).cloned().unwrap_or_default();
        state.demos = demos;
        candidate = candidate.with(&part.path, state, sources);
    }
    candidate
}
