//! The prompts of a program before and after.

use dictum_core::program::{Context, PredictorState};

use super::Prompts;
use crate::candidate::Candidate;
use crate::compile::Task;
use crate::plan::{Part, TextPart, ThresholdPart, parts, text_parts, threshold_parts};

/// The prompts of every predictor in both candidates, each headed by the model and settings that its state names; then every text
/// and every threshold.
pub(super) fn of(task: &Task<'_>, ctx: &Context, baseline: &Candidate, best: &Candidate) -> Vec<Prompts> {
    let text = |part: &Part, state: Option<&PredictorState>| {
        let Ok(prepared) = ctx.prepare(&part.spec, state.unwrap_or(&part.state)) else {
            // It names what the context lacks, and was refused before it could be tried.
            return String::new();
        };
        let messages = prepared.prefix.messages().iter();
        let messages =
            messages.map(|message| format!("[{}]\n{}\n", message.role.as_str(), message.to_text()));
        let choices = state.unwrap_or(&part.state).choices();
        let head = (!choices.is_empty()).then(|| format!("[settings]\n{}\n", choices.join("\n")));
        head.into_iter().chain(messages).collect::<Vec<_>>().join("\n")
    };
    let all = parts(task.program).into_iter();
    let prompts = all.map(|part| Prompts {
        before: text(&part, baseline.overlay().get(&part.path)),
        after: text(&part, best.overlay().get(&part.path)),
        path: part.path,
    });
    let words = |part: &TextPart, of: &Candidate| {
        let words = of.overlay().text(&part.path).unwrap_or(&part.text);
        format!("[{}]\n{words}\n", part.purpose)
    };
    let texts = text_parts(task.program).into_iter().map(|part| Prompts {
        before: words(&part, baseline),
        after: words(&part, best),
        path: part.path,
    });
    let number = |part: &ThresholdPart, of: &Candidate| {
        let value = of.overlay().threshold(&part.path).unwrap_or(part.value);
        format!("[{}]\n{value}\n", part.purpose)
    };
    let thresholds = threshold_parts(task.program).into_iter().map(|part| Prompts {
        before: number(&part, baseline),
        after: number(&part, best),
        path: part.path,
    });
    prompts.chain(texts).chain(thresholds).collect()
}
