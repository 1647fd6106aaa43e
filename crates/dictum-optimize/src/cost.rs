//! What a rollout costs: money, tokens, calls and time.

use dictum_core::evaluate::RowOutcome;
use dictum_core::lm::Source;
use dictum_core::program::Step;
use serde::{Deserialize, Serialize};

use crate::strategy::{Considered, Done};

/// What the answers of one rollout cost, those of caches and journals as if they were had anew: it is what the next call
/// will cost. Only the program's own predictors count, no judge. What is not known is `None`, never 0.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Cost {
    /// US dollars; `None` when the price of one answer is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usd: Option<f64>,
    /// Tokens in and out; `None` when one answer doesn't say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens: Option<u64>,
    /// Answers.
    pub calls: u64,
    /// Seconds, as measured when the rollout was run; `None` when an answer came from a cache or a journal, which takes no
    /// time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
}

/// What a rollout of a candidate costs in the mean. What is not known of one rollout is not known of all, but for seconds,
/// which are the mean of those measured.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct MeanCost {
    /// US dollars.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usd: Option<f64>,
    /// Tokens in and out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens: Option<f64>,
    /// Answers.
    pub calls: f64,
    /// Seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
}

/// What is to be low.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Objective {
    /// US dollars per rollout.
    Money,
    /// Tokens per rollout, in and out. Tokens of different models are not the same, nor are their prices.
    Tokens,
    /// Calls per rollout.
    Calls,
    /// Seconds per rollout. They are measured, so what follows from them is repeated by a run that goes on from its journal,
    /// but not by one from the start, nor by one whose rollouts a crash cut off.
    Latency,
}

impl Cost {
    /// The cost of these steps.
    pub(crate) fn of<'a>(steps: impl Iterator<Item = &'a Step>, seconds: f64) -> Self {
        let mut cost = Self {
            usd: Some(0.0),
            tokens: Some(0),
            calls: 0,
            seconds: Some(seconds),
        };
        for answer in steps
            .flat_map(|step| &step.calls)
            .filter_map(|call| call.result.as_ref().ok())
        {
            cost.calls += 1;
            cost.usd = cost.usd.zip(answer.usage.cost_usd).map(|(a, b)| a + b);
            cost.tokens = cost.tokens.zip(answer.usage.total_tokens()).map(|(a, b)| a + b);
            if answer.source != Source::Model {
                cost.seconds = None;
            }
        }
        cost
    }
}

impl Done {
    /// What it cost. One that doesn't say, for it was journaled by an earlier version, costs what its calls used.
    #[must_use]
    pub fn cost(&self) -> Cost {
        self.cost.unwrap_or(Cost {
            usd: self.row.usage.cost_usd,
            tokens: self.row.usage.total_tokens(),
            calls: self.row.calls,
            seconds: Some(self.row.took.as_secs_f64()),
        })
    }
}

impl MeanCost {
    /// The mean over the rows of a candidate that were run; `None` when none was.
    #[must_use]
    pub fn of(considered: &Considered) -> Option<Self> {
        let run = considered.rows.iter().flatten();
        let costs: Vec<Cost> = run
            .filter(|done| !matches!(done.row.outcome, RowOutcome::NotRun { .. }))
            .map(|done| done.cost())
            .collect();
        if costs.is_empty() {
            return None;
        }
        let n = costs.len() as f64;
        let all = |of: fn(&Cost) -> Option<f64>| {
            let known: Option<Vec<f64>> = costs.iter().map(of).collect();
            known.map(|known| known.iter().sum::<f64>() / n)
        };
        let seconds: Vec<f64> = costs.iter().filter_map(|cost| cost.seconds).collect();
        Some(Self {
            usd: all(|cost| cost.usd),
            tokens: all(|cost| cost.tokens.map(|tokens| tokens as f64)),
            calls: costs.iter().map(|cost| cost.calls as f64).sum::<f64>() / n,
            seconds: dictum_core::evaluate::stats::mean(&seconds),
        })
    }

    /// The figure of an objective, where it is known.
    #[must_use]
    pub fn get(&self, objective: Objective) -> Option<f64> {
        match objective {
            Objective::Money => self.usd,
            Objective::Tokens => self.tokens,
            Objective::Calls => Some(self.calls),
            Objective::Latency => self.seconds,
        }
    }
}

impl Objective {
    /// What all of these can be compared by: money if all prices are known, else tokens if all are counted, else calls.
    #[must_use]
    pub fn common<'a>(costs: impl IntoIterator<Item = &'a MeanCost>) -> Self {
        let (mut money, mut tokens) = (true, true);
        for cost in costs {
            money &= cost.usd.is_some();
            tokens &= cost.tokens.is_some();
        }
        match (money, tokens) {
            (true, _) => Self::Money,
            (false, true) => Self::Tokens,
            (false, false) => Self::Calls,
        }
    }

    /// Its name, as people write it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Money => "money",
            Self::Tokens => "tokens",
            Self::Calls => "calls",
            Self::Latency => "latency",
        }
    }

    /// A figure with its unit.
    pub(crate) fn show(self, value: f64) -> String {
        match self {
            // Three figures of prices that are often far below a cent.
            Self::Money if value > 0.0 => {
                let places = (2 - value.log10().floor() as i32).clamp(2, 9) as usize;
                format!("${value:.places$}")
            }
            Self::Money => "$0".to_owned(),
            Self::Tokens => format!("{value:.0} tokens"),
            Self::Calls => format!("{value:.2} calls"),
            Self::Latency if value < 1.0 => format!("{:.1} ms", value * 1e3),
            Self::Latency => format!("{value:.2} s"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_price_is_not_cheap() {
        let known = MeanCost {
            usd: Some(2.0),
            tokens: Some(10.0),
            ..MeanCost::default()
        };
        let unknown = MeanCost { usd: None, ..known };
        assert_eq!(Objective::common([&known, &known]), Objective::Money);
        assert_eq!(Objective::common([&known, &unknown]), Objective::Tokens);
        let bare = MeanCost::default();
        assert_eq!(Objective::common([&known, &bare]), Objective::Calls);
    }

    #[test]
    fn prices_show_three_figures() {
        for (value, text) in [
            (0.000_123_4, "$0.000123"),
            (1.5, "$1.50"),
            (0.0, "$0"),
            (12.345, "$12.35"),
        ] {
            assert_eq!(Objective::Money.show(value), text);
        }
    }
}
