//! `dictum compile --dry-run`: what a run would take.

use dictum_optimize::Forecast;
use dictum_providers::Prices;
use serde_json::json;

use crate::args::LmArgs;
use crate::failure::Failure;
use crate::output;

/// Prints the phases with their calls and tokens, and what they cost where the model's price is known.
pub fn print(forecast: &Forecast, args: &LmArgs, json: bool) -> Result<(), Failure> {
    let lm = args.lm.as_str();
    // What share each of several models has is not foreseen.
    let several = !args.lms.is_empty();
    let local = !several && (lm == "local" || lm.starts_with("local/"));
    let cost = match local {
        true => Some(0.0),
        false if several => None,
        false => Prices::bundled().cost(lm, &forecast.usage),
    };
    if json {
        return output::print_json(&json!({
            "phases": forecast.phases,
            "calls": forecast.calls,
            "usage": forecast.usage,
            "cost_usd": cost,
            "short": forecast.short,
            "reasons": forecast.reasons,
            "notes": forecast.notes,
        }));
    }
    let mut lines = vec![format!(
        "{:<12} {:>9} {:>7} {:>12}",
        "phase", "rollouts", "calls", "tokens"
    )];
    for phase in &forecast.phases {
        let tokens = phase.usage.total_tokens().unwrap_or(0);
        lines.push(format!(
            "{:<12} {:>9} {:>7} {:>12}",
            phase.name, phase.rollouts, phase.calls, tokens
        ));
    }
    let tokens = forecast.usage.total_tokens().unwrap_or(0);
    lines.push(format!(
        "{:<12} {:>9} {:>7} {:>12}",
        "in all", "", forecast.calls, tokens
    ));
    lines.push(match cost {
        _ if local => "price: none, the model runs in this process".to_owned(),
        Some(cost) => format!("price: about ${cost:.4} by the list of {lm}"),
        None if several => "price: not known, for several models may be called".to_owned(),
        None => format!("price: not known for {lm}"),
    });
    if forecast.short {
        lines.push("the budget would end before the search is over".to_owned());
    }
    lines.extend(forecast.reasons.iter().map(|reason| format!("why: {reason}")));
    lines.extend(forecast.notes.iter().map(|note| format!("note: {note}")));
    lines.push(
        "An estimate: each predictor called once in a rollout, half of the answers right, four characters a token."
            .to_owned(),
    );
    output::print(&lines.join("\n"))
}
