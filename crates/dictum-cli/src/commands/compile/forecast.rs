//! `dictum compile --dry-run`: what a run would take.

use dictum_core::lm::Usage;
use dictum_optimize::Forecast;
use dictum_providers::Prices;
use serde_json::json;

use crate::args::LmArgs;
use crate::failure::Failure;
use crate::output;

/// Prints the phases with their calls and tokens, and what they cost where the prices of all models are known.
pub fn print(forecast: &Forecast, args: &LmArgs, json: bool) -> Result<(), Failure> {
    // At another address nobody knows what a model costs that has the same name.
    let prices = match args.base_url {
        Some(_) => Prices::none(),
        None => Prices::bundled(),
    };
    if json {
        return output::print_json(&json!({
            "phases": forecast.phases,
            "calls": forecast.calls,
            "usage": forecast.usage,
            "by_model": forecast.by_model,
            "cost_usd": cost(forecast, &prices),
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
    lines.push(price(forecast, &prices));
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

/// What the run would cost in US dollars; `None` if the price of one of its models is not known.
fn cost(forecast: &Forecast, prices: &Prices) -> Option<f64> {
    let parts = forecast.by_model.iter();
    parts.map(|(lm, usage)| of_model(prices, lm, usage)).sum()
}

fn of_model(prices: &Prices, lm: &str, usage: &Usage) -> Option<f64> {
    if is_local(lm) {
        return Some(0.0);
    }
    prices.cost(lm, usage)
}

fn is_local(lm: &str) -> bool {
    lm == "local" || lm.starts_with("local/")
}

fn price(forecast: &Forecast, prices: &Prices) -> String {
    if forecast.by_model.keys().all(|lm| is_local(lm)) {
        return "price: none, what is called runs in this process".to_owned();
    }
    let all = cost(forecast, prices).map_or("not known".to_owned(), |cost| {
        format!("about ${cost:.4} by the list")
    });
    let parts = forecast
        .by_model
        .iter()
        .map(|(lm, usage)| match of_model(prices, lm, usage) {
            Some(cost) => format!("{lm}: ${cost:.4}"),
            None => format!("{lm}: not known"),
        });
    let parts: Vec<String> = parts.collect();
    format!("price: {all} ({})", parts.join(", "))
}
