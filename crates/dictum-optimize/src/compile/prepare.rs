//! Before the first call: is the data fit, what is this run, and what may the search spend?

use std::sync::Arc;

use dictum_core::data::{Example, overlap, split};
use dictum_core::error::{Error, Result};
use dictum_core::lm::{Budget, Digest};
use dictum_core::program::{Context, DynModule, PredictorState, Repair};
use serde_json::{Value, json};

use super::Task;
use crate::candidate::{Candidate, Role, short};
use crate::plan::{Known, Part, Plan, as_it_is, parts, text_parts, threshold_parts};
use crate::run::Identity;

/// What a compilation starts from.
pub(crate) struct Prepared {
    pub(super) plan: Plan,
    pub(super) testset: Vec<Arc<Example>>,
    pub(super) identity: Identity,
    /// The budget without what the confirmation needs.
    pub(super) search_budget: Budget,
    pub(super) calls_per_rollout: u64,
    pub(super) notes: Vec<String>,
}

impl Prepared {
    /// The same with so many more calls kept for after the search.
    pub(crate) fn setting_aside(mut self, calls: u64) -> Self {
        if let Some(all) = &mut self.search_budget.calls {
            *all = all.saturating_sub(calls);
        }
        self
    }
}

/// The share of the trainset that becomes the validation set of an optimizer that needs one and was given none.
const VALIDATION_SHARE: f64 = 0.25;

pub(crate) fn prepare(task: &Task<'_>, trainset: &[Example], valset: &[Example]) -> Result<Prepared> {
    let options = task.options;
    if trainset.is_empty() {
        return Err(Error::input(
            "trainset",
            "is empty: there is nothing to learn from",
        ));
    }
    if !(options.alpha > 0.0 && options.alpha < 1.0) {
        return Err(Error::input("significance", "must be between 0 and 1"));
    }
    if !options.failure_score.is_finite() {
        return Err(Error::input("failure_score", "must be a finite number"));
    }
    let mut notes = Vec::new();
    let (train, val) = if valset.is_empty() && task.recipe.chooses() {
        let [train, val] = split(trainset, options.seed, [1.0 - VALIDATION_SHARE, VALIDATION_SHARE]);
        if train.is_empty() || val.is_empty() {
            let words = "is too small to split off a validation set; give one";
            return Err(Error::input("trainset", words));
        }
        notes.push(format!(
            "no validation set was given: {} of the {} training examples were set apart as one",
            val.len(),
            trainset.len()
        ));
        (train, val)
    } else {
        (trainset.to_vec(), valset.to_vec())
    };
    let sets = [
        ("trainset", &train),
        ("valset", &val),
        ("testset", &options.testset),
    ];
    for (place, (name, set)) in sets.iter().enumerate() {
        for (later, other) in sets.iter().skip(place + 1) {
            check_overlap(name, set, later, other, options.allow_overlap, &mut notes)?;
        }
    }
    let share = |set: Vec<Example>| set.into_iter().map(Arc::new).collect::<Vec<_>>();
    let (trainset, valset, testset) = (share(train), share(val), share(options.testset.clone()));
    let data = [trainset.as_slice(), valset.as_slice(), testset.as_slice()];
    let mut baseline = as_it_is("as it is", Role::Student, task.program, &data);
    let mut predictors = parts(task.program);
    let mut texts = text_parts(task.program);
    let mut thresholds = threshold_parts(task.program);
    if let Some(start) = task.start {
        let known = Known::of(&data);
        for part in &mut predictors {
            if let Some(state) = start.overlay().get(&part.path) {
                part.state = state.clone();
                let shown = known.sources(&part.spec, state);
                let told = start.sources_of(&part.path).into_iter();
                let sources = told.zip(shown).map(|(told, shown)| told.or(shown)).collect();
                baseline = baseline.with(&part.path, state.clone(), sources);
            }
        }
    }
    if let Some(start) = task.start {
        for part in &mut texts {
            if let Some(text) = start.overlay().text(&part.path) {
                part.text = text.to_owned();
                baseline = baseline.with_text(&part.path, text);
            }
        }
        for part in &mut thresholds {
            if let Some(value) = start.overlay().threshold(&part.path) {
                part.value = value;
                baseline = baseline.with_threshold(&part.path, value);
            }
        }
    }
    let teacher = teacher(task, &data, &baseline)?;
    let baseline = Arc::new(baseline);
    if predictors.is_empty() {
        return Err(Error::input(
            "program",
            "has no predictor: there is nothing to optimize",
        ));
    }

    let asks = match task.ctx.repair() {
        Repair::Off => 1,
        Repair::Reask(times) => 1 + u64::from(*times),
        _ => 2,
    };
    let least = predictors.len() as u64;
    let calls_per_rollout = options.calls_per_rollout.unwrap_or((4 * least * asks).max(8));
    let mut search_budget = options.budget;
    if let Some(calls) = options.budget.calls {
        let confirmation = 2 * least * testset.len() as u64;
        if calls <= confirmation && calls > 0 && confirmation > 0 {
            return Err(Error::input(
                "budget",
                format!(
                    "of {calls} calls is spent by the confirmation on the testset alone, which takes {confirmation}"
                ),
            ));
        }
        search_budget.calls = Some(calls - confirmation.min(calls));
    }
    let plan = Plan {
        predictors,
        texts,
        thresholds,
        baseline,
        teacher,
        trainset,
        valset,
        confirm: testset.len(),
        calls: search_budget.calls,
        seed: options.seed,
        failure_score: options.failure_score,
    };
    Ok(Prepared {
        identity: identity(task, &plan, &testset, calls_per_rollout),
        plan,
        testset,
        search_budget,
        calls_per_rollout,
        notes,
    })
}

/// Reports examples that ask the same in two sets. When they are most of the later one, it is taken for a mistake.
fn check_overlap(
    name: &str,
    set: &[Example],
    later: &str,
    other: &[Example],
    allowed: bool,
    notes: &mut Vec<String>,
) -> Result<()> {
    let common = overlap(other, set).len();
    if common == 0 {
        return Ok(());
    }
    if 2 * common > other.len() && !allowed {
        return Err(Error::input(
            later,
            format!(
                "has {common} of its {} examples in common with the {name}: scores on it would say little about new \
                 data; keep the sets apart (`data::split`), or say `allow_overlap()` if it is meant so",
                other.len()
            ),
        ));
    }
    notes.push(format!(
        "{common} of {} examples of the {later} ask the same as examples of the {name}; demonstrations made from an \
         example are left out when it is answered",
        other.len()
    ));
    Ok(())
}

/// The teacher as it is: it must have the predictors of the program, with the same fields.
fn teacher(task: &Task<'_>, data: &[&[Arc<Example>]], baseline: &Candidate) -> Result<Arc<Candidate>> {
    let program: &dyn DynModule = task.options.teacher.as_deref().unwrap_or(task.program);
    let names = |part: &Part| {
        part.spec
            .fields()
            .iter()
            .map(|field| field.name.clone())
            .collect::<Vec<_>>()
    };
    let (student, teacher) = (parts(task.program), parts(program));
    for part in &student {
        let problem = match teacher.iter().find(|other| other.path == part.path) {
            None => format!("has no predictor `{}`, which the program has", part.path),
            Some(other) if names(other) != names(part) => format!(
                "has the fields `{}` in predictor `{}`, the program has `{}`",
                names(other).join("`, `"),
                part.path,
                names(part).join("`, `")
            ),
            Some(_) => continue,
        };
        return Err(Error::input("teacher", problem));
    }
    // With the program and context of the student its rollouts are the student's, and need not be made twice.
    let apart = task.options.teacher.is_some() || task.options.teacher_context.is_some();
    let role = if apart { Role::Teacher } else { Role::Student };
    Ok(Arc::new(
        match (&task.options.teacher, &task.options.teacher_context) {
            (Some(_), _) => as_it_is("teacher", role, program, data),
            (None, None) => baseline.as_role(role).labelled("teacher"),
            (None, Some(ctx)) => in_context(baseline, ctx).as_role(role).labelled("teacher"),
        },
    ))
}

/// The program in another context: predictors whose model that does not have, such as one that was tuned on the way here, are
/// answered by its own.
fn in_context(baseline: &Candidate, ctx: &Context) -> Candidate {
    let mut teacher = baseline.clone();
    for (path, state) in baseline.overlay().iter() {
        let is_there = |name: &String| ctx.lms().any(|(known, _)| known == name);
        if !state.lm.as_ref().is_none_or(is_there) {
            let state = PredictorState {
                lm: None,
                ..state.clone()
            };
            teacher = teacher.with(path, state, baseline.sources_of(path));
        }
    }
    teacher
}

fn identity(task: &Task<'_>, plan: &Plan, testset: &[Arc<Example>], calls_per_rollout: u64) -> Identity {
    let options = task.options;
    let mut identity = Identity::new();
    identity.set("optimizer", task.recipe.name());
    identity.set("settings", task.recipe.settings());
    identity.set("seed", options.seed);
    let (budget, alpha) = options.known_as.unwrap_or((options.budget, options.alpha));
    identity.set("budget", budget);
    identity.set(
        "options",
        json!({
            "significance": alpha,
            "keep_best_anyway": options.keep_best_anyway,
            "calls_per_rollout": options.budget.calls.map(|_| calls_per_rollout),
            "failure_score": options.failure_score,
        }),
    );
    identity.set("program", program(task.program));
    if let Some(start) = task.start {
        identity.set("start", start.id());
    }
    identity.set("context", context(task.ctx));
    if let Some(teacher) = &options.teacher {
        identity.set("teacher", program(&**teacher));
    }
    if let Some(ctx) = &options.teacher_context {
        identity.set("teacher_context", context(ctx));
    }
    if let Some(ctx) = &options.proposer_context {
        identity.set("proposer_context", context(ctx));
    }
    let data = [
        ("trainset", &plan.trainset[..]),
        ("valset", &plan.valset[..]),
        ("testset", testset),
    ];
    for (name, set) in data {
        let ids: Vec<&str> = set.iter().map(|example| example.id()).collect();
        identity.set(
            name,
            json!({ "examples": ids.len(), "ids": short(&Digest::of(&ids)) }),
        );
    }
    identity.set("metric", task.metric.name());
    identity
}

/// What identifies a program: the signature and state of each predictor, the texts and the thresholds.
fn program(program: &dyn DynModule) -> Value {
    let part = |Part { path, spec, state }: Part| {
        let field = |field: &dictum_core::signature::FieldSpec| {
            json!({
                "name": field.name,
                "output": field.kind == dictum_core::signature::FieldKind::Output,
                "type": field.schema,
                "description": field.description,
                "default": field.default,
            })
        };
        let fields: Vec<Value> = spec.fields().iter().map(field).collect();
        let facts = json!({
            "signature": short(&Digest::of(&(spec.name(), spec.instructions(), fields))),
            "state": short(&Digest::of(&state)),
        });
        (path, facts)
    };
    let text = |text: crate::plan::TextPart| {
        let facts = json!({ "text": short(&Digest::of(&(text.purpose, text.text))) });
        (text.path, facts)
    };
    let threshold = |threshold: crate::plan::ThresholdPart| {
        let facts = json!({ "threshold": threshold.value });
        (threshold.path, facts)
    };
    let all = parts(program).into_iter().map(part);
    all.chain(text_parts(program).into_iter().map(text))
        .chain(threshold_parts(program).into_iter().map(threshold))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

fn context(ctx: &Context) -> Value {
    let repair = match ctx.repair() {
        Repair::Off => "off".to_owned(),
        Repair::Reask(times) => format!("reask {times}"),
        Repair::Fallback(adapter) => format!("fallback to {}", adapter.name()),
        _ => "other".to_owned(),
    };
    // What holds for a call in the end: a model with other defaults is another run's.
    let settings = match ctx.lm().default_settings() {
        Some(defaults) => &ctx.settings().over(defaults),
        None => ctx.settings(),
    };
    let mut facts = json!({
        "lm": ctx.lm().name(),
        "adapter": ctx.adapter().name(),
        "wording": short(&Digest::of(&format!("{:?}", ctx.adapter().wording()))),
        "repair": repair,
        "settings": settings,
        "sample": ctx.sample(),
    });
    let lms: serde_json::Map<String, Value> = ctx
        .lms()
        .map(|(name, lm)| {
            let settings = lm.default_settings().cloned().unwrap_or_default();
            (name.to_owned(), json!({ "lm": lm.name(), "settings": settings }))
        })
        .collect();
    if let (false, Some(facts)) = (lms.is_empty(), facts.as_object_mut()) {
        facts.insert("lms".to_owned(), lms.into());
    }
    facts
}
