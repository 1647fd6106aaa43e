//! What models cost.
//!
//! A provider says how many tokens a call used; few say what it cost. [`Prices`] computes it, so that a
//! [`Budget`](dictum_core::lm::Budget) in dollars holds. The list that comes with the crate (`data/prices.json`) is dated
//! entry by entry; prices change, and one's own go over it:
//!
//! ```no_run
//! use dictum_core::lm::{Lm, LmError};
//! use dictum_providers::{Price, Prices, Providers};
//!
//! # fn main() -> Result<(), LmError> {
//! let prices = Prices::bundled().with("openai/gpt-5-mini", Price::new(0.25, 2.0).cached_input(0.025));
//! let lm = Lm::openai("gpt-5-mini").prices(prices).api_key_from_env()?.build()?;
//! # Ok(())
//! # }
//! ```

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use crate::json::Json;
use dictum_core::lm::{LmError, LmErrorKind, Response, Usage};
use serde::{Deserialize, Serialize};
use url::Url;

const BUNDLED: &str = include_str!("../data/prices.json");

/// What a model costs, in US dollars per million tokens.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Price {
    /// Tokens of the request.
    pub input: f64,
    /// Tokens of the request that the provider had kept from before. `None`: the same as `input`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cached_input: Option<f64>,
    /// Tokens of the request that the provider keeps from now on, for its usual short time. `None`: the same as `input`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_write: Option<f64>,
    /// Tokens of the request that the provider keeps for an hour. `None`: not known, and so is what a call costs that has some.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_write_hour: Option<f64>,
    /// Tokens of audio in the request. `None`: not known, and so is what a call costs that has some.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input_audio: Option<f64>,
    /// Tokens of the answer, reasoning included.
    pub output: f64,
    /// What stands in place of all of the above when the request is long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub long: Option<LongPrice>,
    /// The last day on which the provider is known to have asked this price, as `2026-01-31`. Empty when no one said.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub date: String,
    /// Where the provider states it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub source: String,
}

/// The price of a whole call whose request is longer than a number of tokens.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LongPrice {
    /// The longest request, in tokens, that the usual price still holds for.
    pub tokens: u64,
    /// As in [`Price`].
    pub input: f64,
    /// As in [`Price`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cached_input: Option<f64>,
    /// As in [`Price`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_write: Option<f64>,
    /// As in [`Price`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_write_hour: Option<f64>,
    /// As in [`Price`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input_audio: Option<f64>,
    /// As in [`Price`].
    pub output: f64,
}

impl Price {
    /// A price of a million tokens in and out, without a date or source.
    #[must_use]
    pub fn new(input: f64, output: f64) -> Self {
        Self {
            input,
            cached_input: None,
            cache_write: None,
            cache_write_hour: None,
            input_audio: None,
            output,
            long: None,
            date: String::new(),
            source: String::new(),
        }
    }

    /// The same with a price for cached tokens of the request.
    #[must_use]
    pub fn cached_input(mut self, usd: f64) -> Self {
        self.cached_input = Some(usd);
        self
    }

    /// The same with a price for tokens written into the provider's cache.
    #[must_use]
    pub fn cache_write(mut self, usd: f64) -> Self {
        self.cache_write = Some(usd);
        self
    }

    /// The same with a price for tokens that the provider keeps for an hour.
    #[must_use]
    pub fn cache_write_hour(mut self, usd: f64) -> Self {
        self.cache_write_hour = Some(usd);
        self
    }

    /// The same with a price for tokens of audio in the request.
    #[must_use]
    pub fn input_audio(mut self, usd: f64) -> Self {
        self.input_audio = Some(usd);
        self
    }

    /// What a call cost, in US dollars. `None` when its tokens in or out are not known, or the price of some of them is not.
    ///
    /// Which of the cached tokens were audio is not told: they are taken for others first, so that the figure is never too low.
    #[must_use]
    pub fn cost(&self, usage: &Usage) -> Option<f64> {
        let (all, output) = (usage.input_tokens?, usage.output_tokens?);
        let rate = self.rate(all);
        let audio = usage.audio_tokens.unwrap_or(0).min(all);
        let cached = usage.cached_tokens.unwrap_or(0).min(all - audio);
        let written = usage.cache_write_tokens.unwrap_or(0).min(all - audio - cached);
        let hour = usage.cache_write_hour_tokens.unwrap_or(0).min(written);
        let usd = (all - audio - cached - written) as f64 * rate.input
            + cached as f64 * rate.cached_input.unwrap_or(rate.input)
            + (written - hour) as f64 * rate.cache_write.unwrap_or(rate.input)
            + of_a_kind(hour, rate.cache_write_hour)?
            + of_a_kind(audio, rate.input_audio)?
            + output as f64 * rate.output;
        Some(usd / 1e6)
    }

    /// The rates for a request of this many tokens.
    fn rate(&self, tokens: u64) -> LongPrice {
        match self.long {
            Some(long) if tokens > long.tokens => long,
            _ => LongPrice {
                tokens: 0,
                input: self.input,
                cached_input: self.cached_input,
                cache_write: self.cache_write,
                cache_write_hour: self.cache_write_hour,
                input_audio: self.input_audio,
                output: self.output,
            },
        }
    }

    fn is_sound(&self) -> bool {
        let long = self.rate(u64::MAX);
        [
            Some(self.input),
            self.cached_input,
            self.cache_write,
            self.cache_write_hour,
            self.input_audio,
            Some(self.output),
            Some(long.input),
            long.cached_input,
            long.cache_write,
            long.cache_write_hour,
            long.input_audio,
            Some(long.output),
        ]
        .into_iter()
        .flatten()
        .all(|usd| usd.is_finite() && usd >= 0.0)
    }
}

/// What tokens of a kind cost that not every call has. `None` when there are some and their price is not known.
fn of_a_kind(tokens: u64, price: Option<f64>) -> Option<f64> {
    if tokens == 0 {
        return Some(0.0);
    }
    Some(tokens as f64 * price?)
}

/// Prices by model, named as [`Lm::name`](dictum_core::lm::Lm::name) has it: `provider/model`. Cheap to clone.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Prices(Arc<BTreeMap<String, Price>>);

/// A file of prices.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    /// For people.
    #[serde(default, rename = "about")]
    _about: String,
    models: BTreeMap<String, Price>,
}

impl Prices {
    /// No prices: what calls cost is not known, except where the provider says it.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// The prices that come with this version of the crate: text at the standard service tier, each with its date.
    #[must_use]
    pub fn bundled() -> Self {
        // A test reads the file; without one, a damaged file is no prices rather than wrong ones.
        Self::from_json(BUNDLED).unwrap_or_default()
    }

    /// What holds at this address when one says nothing: the bundled prices at the provider's own, none at another.
    pub(crate) fn at(base: &Url, own: &str) -> Self {
        match Url::parse(own) {
            Ok(own) if own.host_str() == base.host_str() => Self::bundled(),
            _ => Self::none(),
        }
    }

    /// Prices from a JSON file in the form of the bundled one: `{"models": {"provider/model": {"input": 0.25, "output": 2.0,
    /// "cached_input": 0.025, "date": "2026-01-31"}}}`, US dollars per million tokens.
    ///
    /// # Errors
    /// [`LmErrorKind::InvalidRequest`] when the file can't be read or is not of that form; it names the file and the place.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, LmError> {
        let path = path.as_ref();
        let wrong = |problem: String| {
            let message = format!("the prices in {} can't be read: {problem}", path.display());
            LmError::new(LmErrorKind::InvalidRequest, message)
        };
        let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
        Self::from_json(&text).map_err(|error| wrong(error.message().to_owned()))
    }

    /// Prices from JSON, as [`Prices::load`] reads it.
    ///
    /// # Errors
    /// [`LmErrorKind::InvalidRequest`] when the text is not of that form, or a price is negative.
    pub fn from_json(text: &str) -> Result<Self, LmError> {
        let wrong = |problem: String| LmError::new(LmErrorKind::InvalidRequest, problem);
        let file: File = serde_json::from_str(text).map_err(|error| wrong(error.to_string()))?;
        if let Some((model, _)) = file.models.iter().find(|(_, price)| !price.is_sound()) {
            return Err(wrong(format!("the price of `{model}` is negative or no number")));
        }
        Ok(Self(Arc::new(file.models)))
    }

    /// The same with this model's price in place of what was there.
    #[must_use]
    pub fn with(mut self, model: impl Into<String>, price: Price) -> Self {
        Arc::make_mut(&mut self.0).insert(model.into(), price);
        self
    }

    /// These prices, and where they say nothing, `base`'s.
    #[must_use]
    pub fn over(self, base: Self) -> Self {
        let mut all = base;
        let own = self.0.iter().map(|(name, price)| (name.clone(), price.clone()));
        Arc::make_mut(&mut all.0).extend(own);
        all
    }

    /// A model's price, by its name or, for a dated version such as `openai/gpt-5-mini-2025-08-07`, by its name without the
    /// date.
    #[must_use]
    pub fn get(&self, model: &str) -> Option<&Price> {
        self.0.get(model).or_else(|| self.0.get(without_date(model)?))
    }

    /// The models and their prices, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Price)> {
        self.0.iter().map(|(name, price)| (name.as_str(), price))
    }

    /// What a call of this model cost, in US dollars. `None`, never 0, when its price or its tokens are not known.
    #[must_use]
    pub fn cost(&self, model: &str, usage: &Usage) -> Option<f64> {
        self.get(model)?.cost(usage)
    }

    /// Sets what an answer cost, where the provider did not say it. `model` is the name of the model called; the one that
    /// answered stands in when that has no price, as behind an alias.
    pub(crate) fn fill(&self, model: &str, response: &mut Response, payload: &impl Json) {
        if !self.0.is_empty() && response.usage.cost_usd.is_none() && at_standard_tier(payload) {
            response.usage.cost_usd = self.of_call(model, &response.model, &response.usage);
        }
    }

    fn of_call(&self, model: &str, answered: &str, usage: &Usage) -> Option<f64> {
        let (provider, _) = model.split_once('/')?;
        self.get(model)
            .or_else(|| self.get(&[provider, "/", answered].concat()))?
            .cost(usage)
    }
}

/// Whether an answer was made at the tier that the prices are of: at others, which cost half or twice as much, what it cost is
/// not known.
fn at_standard_tier<J: Json>(raw: &J) -> bool {
    let usage = raw.get("usage");
    [Some(raw), usage]
        .into_iter()
        .filter_map(|place| place?.get("service_tier")?.as_str())
        .all(|tier| matches!(tier, "default" | "standard" | "auto"))
}

/// A name without the date at its end, `-2025-08-07` or `-20250807`.
fn without_date(model: &str) -> Option<&str> {
    let rest = model.trim_end_matches(|c: char| c.is_ascii_digit() || c == '-');
    // What was cut may begin with a version: `claude-opus-4-5-20251101`.
    let cut = model.strip_prefix(rest)?;
    [11, 9].into_iter().find_map(|length| {
        let at = cut.len().checked_sub(length)?;
        let (version, date) = cut.split_at_checked(at)?;
        let shape: String = date
            .chars()
            .map(|c| if c.is_ascii_digit() { '0' } else { c })
            .collect();
        matches!(shape.as_str(), "-0000-00-00" | "-00000000")
            .then(|| model.get(..rest.len() + version.len()))?
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn usage(input: u64, cached: u64, written: u64, output: u64) -> Usage {
        Usage {
            input_tokens: Some(input),
            cached_tokens: Some(cached),
            cache_write_tokens: Some(written),
            output_tokens: Some(output),
            ..Usage::default()
        }
    }

    fn close(cost: Option<f64>, expected: f64) {
        let cost = cost.unwrap();
        assert!((cost - expected).abs() < 1e-12, "{cost} is not {expected}");
    }

    #[test]
    fn the_bundled_file_is_whole_and_every_entry_says_when_and_where() {
        let prices = Prices::from_json(BUNDLED).unwrap();
        assert!(prices.iter().count() > 40);
        for (name, price) in prices.iter() {
            let (provider, model) = name.split_once('/').unwrap();
            assert!(matches!(provider, "openai" | "anthropic" | "gemini" | "cohere") && !model.is_empty());
            assert_eq!(price.date.len(), "2026-01-31".len(), "{name}");
            assert!(price.source.starts_with("https://"), "{name}");
            assert!(price.input > 0.0, "{name}");
            assert!(
                price.cached_input.is_none_or(|cached| cached < price.input),
                "{name}"
            );
            assert!(
                price.cache_write.is_none_or(|write| write > price.input),
                "{name}"
            );
            assert_eq!(
                provider == "anthropic",
                price.cache_write_hour.is_some(),
                "{name}"
            );
            assert!(
                price.cache_write_hour > price.cache_write || provider != "anthropic",
                "{name}"
            );
            assert!(
                price.input_audio.is_none_or(|audio| audio >= price.input),
                "{name}"
            );
            if let Some(long) = price.long {
                assert!(long.input > price.input && long.output > price.output, "{name}");
                assert!(
                    long.cache_write_hour.is_some() == price.cache_write_hour.is_some(),
                    "{name}"
                );
                assert!(
                    long.input_audio.is_some() == price.input_audio.is_some(),
                    "{name}"
                );
            }
        }
    }

    #[test]
    fn each_kind_of_token_has_its_price() {
        let price = Price::new(4.0, 20.0).cached_input(0.2).cache_write(5.0);
        close(price.cost(&usage(1_000_000, 0, 0, 0)), 4.0);
        close(
            price.cost(&usage(1_000_000, 500_000, 100_000, 10_000)),
            0.4 * 4.0 + 0.5 * 0.2 + 0.1 * 5.0 + 0.01 * 20.0,
        );
        // Without prices of their own, cached tokens cost what others do.
        close(Price::new(4.0, 20.0).cost(&usage(1000, 900, 50, 0)), 0.004);
        // More cached than came in is a provider's slip, not a negative price.
        close(price.cost(&usage(1000, 5000, 5000, 0)), 0.0002);
    }

    #[test]
    fn a_long_request_is_priced_as_a_whole() {
        let mut price = Price::new(1.25, 10.0).cached_input(0.125);
        price.long = Some(LongPrice {
            tokens: 200_000,
            input: 2.5,
            cached_input: Some(0.25),
            cache_write: None,
            cache_write_hour: None,
            input_audio: Some(3.0),
            output: 15.0,
        });
        close(price.cost(&usage(200_000, 0, 0, 1000)), 0.25 + 0.01);
        close(price.cost(&usage(200_001, 1, 0, 1000)), 0.5 + 0.25e-6 + 0.015);
        let spoken = Usage {
            audio_tokens: Some(200_000),
            ..usage(300_000, 0, 0, 0)
        };
        close(price.cost(&spoken), 0.1 * 2.5 + 0.2 * 3.0);
    }

    #[test]
    fn audio_and_an_hours_keeping_have_their_own_price_or_none() {
        let spoken = Usage {
            audio_tokens: Some(600_000),
            ..usage(1_000_000, 500_000, 0, 0)
        };
        let kept = Usage {
            cache_write_hour_tokens: Some(300_000),
            ..usage(1_000_000, 0, 400_000, 0)
        };
        let price = Price::new(1.0, 1.0).cached_input(0.1).cache_write(1.25);
        assert_eq!((price.cost(&spoken), price.cost(&kept)), (None, None));
        let price = price.input_audio(3.0).cache_write_hour(2.0);
        // Of the cached tokens 400,000 can be text; the others may have been audio, and are charged as if they were new.
        close(price.cost(&spoken), 0.6 * 3.0 + 0.4 * 0.1);
        close(price.cost(&kept), 0.6 * 1.0 + 0.1 * 1.25 + 0.3 * 2.0);
    }

    #[test]
    fn what_is_not_known_costs_an_unknown_amount() {
        let prices = Prices::none().with("openai/m", Price::new(1.0, 1.0));
        assert_eq!(prices.cost("openai/other", &usage(1, 0, 0, 1)), None);
        assert_eq!(prices.cost("m", &usage(1, 0, 0, 1)), None);
        let half = Usage {
            input_tokens: Some(5),
            ..Usage::default()
        };
        assert_eq!(prices.cost("openai/m", &half), None);
        assert_eq!(prices.cost("openai/m", &Usage::default()), None);
    }

    #[test]
    fn a_dated_version_has_the_price_of_its_model() {
        let prices = Prices::none()
            .with("a/opus-4-5", Price::new(1.0, 1.0))
            .with("a/mini", Price::new(2.0, 2.0))
            .with("a/mini-2024-05-13", Price::new(3.0, 3.0));
        let input = |name: &str| prices.get(name).map(|price| price.input);
        assert_eq!(input("a/opus-4-5-20251101"), Some(1.0));
        assert_eq!(input("a/mini-2025-08-07"), Some(2.0));
        assert_eq!(input("a/mini-2024-05-13"), Some(3.0));
        for other in [
            "a/opus-4",
            "a/mini-2",
            "a/mini-pro",
            "a/mini-2025-8-7",
            "a/mini-x-2025-08-07",
        ] {
            assert_eq!(input(other), None, "{other}");
        }
    }

    #[test]
    fn the_providers_own_figure_stands_and_an_alias_is_priced_by_who_answered() {
        let prices = Prices::none().with("gemini/flash-2", Price::new(1.0, 1.0));
        let mut response = Response::text("x");
        response.usage = usage(1_000_000, 0, 0, 0);
        response.model = "flash-2".to_owned();
        prices.fill("gemini/flash-latest", &mut response, &Value::Null);
        close(response.usage.cost_usd, 1.0);
        response.usage.cost_usd = Some(0.25);
        prices.fill("gemini/flash-2", &mut response, &Value::Null);
        assert_eq!(response.usage.cost_usd, Some(0.25));
    }

    #[test]
    fn another_tier_has_another_price_which_is_not_known() {
        let prices = Prices::none().with("openai/m", Price::new(1.0, 1.0));
        let cost = |raw: Value| {
            let mut response = Response::text("x");
            response.usage = usage(1, 0, 0, 1);
            prices.fill("openai/m", &mut response, &raw);
            response.usage.cost_usd
        };
        for raw in [
            json!({}),
            json!({ "service_tier": "default" }),
            json!({ "usage": { "service_tier": "standard" } }),
        ] {
            close(cost(raw), 2e-6);
        }
        for raw in [
            json!({ "service_tier": "flex" }),
            json!({ "usage": { "service_tier": "priority" } }),
        ] {
            assert_eq!(cost(raw), None);
        }
    }

    #[test]
    fn ones_own_prices_go_over_the_others() {
        let own = r#"{ "models": { "openai/m": { "input": 9, "output": 9 } } }"#;
        let prices = Prices::from_json(own).unwrap().over(
            Prices::none()
                .with("openai/m", Price::new(1.0, 1.0))
                .with("openai/n", Price::new(2.0, 2.0)),
        );
        assert_eq!(prices.get("openai/m").unwrap().input, 9.0);
        assert_eq!(prices.get("openai/n").unwrap().input, 2.0);
        for (wrong, says) in [
            ("{", "EOF"),
            (r#"{"models":{"m":{"input":1}}}"#, "output"),
            (r#"{"models":{"m":{"input":1,"output":1,"outptu":1}}}"#, "outptu"),
            (r#"{"models":{"m":{"input":-1,"output":1}}}"#, "`m`"),
        ] {
            let error = Prices::from_json(wrong).unwrap_err();
            assert!(error.message().contains(says), "{error}");
        }
        let error = Prices::load("no/such/prices.json").unwrap_err();
        assert!(error.message().contains("no/such/prices.json"), "{error}");
    }
}
