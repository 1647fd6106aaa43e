//! Sampling, limits and a model's own parameters.

use dictum_core::lm::{LmError, Settings};
use serde_json::{Map, Value, json};

use super::models;
use crate::anthropic::{Facts, budget};

/// Members of a Converse request. What else `extra` names is the model's own parameter.
const MEMBERS: &[&str] = &[
    "additionalModelRequestFields",
    "additionalModelResponseFieldPaths",
    "guardrailConfig",
    "inferenceConfig",
    "outputConfig",
    "performanceConfig",
    "promptVariables",
    "requestMetadata",
    "serviceTier",
    "toolConfig",
];

const MODELS_OWN: &str = "additionalModelRequestFields";

/// Writes the settings of a call to this model into its body.
///
/// # Errors
/// [`LmErrorKind::Unsupported`](dictum_core::lm::LmErrorKind::Unsupported) for what has no form.
pub(super) fn write(model: &str, settings: &Settings, body: &mut Map<String, Value>) -> Result<(), LmError> {
    // There is no seed: it is left out, see docs/providers.md. A model's own parameter for it goes in `extra`.
    let claude = models::claude(model);
    let thinks = match (&settings.reasoning_effort, claude) {
        (None, _) => false,
        (Some(effort), Some(claude)) => think(claude, effort, settings.max_tokens, body)?,
        (Some(effort), None) => {
            // OpenAI's open models have a parameter of their own for it.
            if model.contains("openai.gpt-oss") {
                merge(body, MODELS_OWN, json!({ "reasoning_effort": effort }));
            } else {
                merge(body, "outputConfig", json!({ "effort": effort }));
            }
            false
        }
    };
    // As Anthropic has it: the newer Claudes and those that think refuse to be told how to sample, others to be told twice.
    let samples = claude.is_none_or(|claude| claude.sampling() && !thinks);
    let both = claude.is_none_or(Facts::both) || settings.temperature.is_none();
    let mut inference = Map::new();
    let mut set = |name: &str, value: Option<Value>| {
        inference.extend(value.map(|value| (name.to_owned(), value)));
    };
    set("maxTokens", settings.max_tokens.map(Value::from));
    set(
        "temperature",
        settings.temperature.filter(|_| samples).map(Value::from),
    );
    set(
        "topP",
        settings.top_p.filter(|_| samples && both).map(Value::from),
    );
    set(
        "stopSequences",
        (!settings.stop.is_empty()).then(|| json!(settings.stop)),
    );
    if !inference.is_empty() {
        merge(body, "inferenceConfig", Value::Object(inference));
    }
    for (name, value) in &settings.extra {
        if MEMBERS.contains(&name.as_str()) {
            merge(body, name, value.clone());
        } else if !value.is_null() {
            let mut own = Map::new();
            own.insert(name.clone(), value.clone());
            merge(body, MODELS_OWN, Value::Object(own));
        }
    }
    Ok(())
}

/// Asks a Claude to think, or not to; whether it will.
fn think(
    claude: Facts,
    effort: &str,
    max_tokens: Option<u32>,
    body: &mut Map<String, Value>,
) -> Result<bool, LmError> {
    let thinking = match effort {
        "none" if claude.adaptive() => json!({ "type": "disabled" }),
        "none" => return Ok(false),
        effort if claude.adaptive() => {
            merge(body, "outputConfig", json!({ "effort": effort }));
            json!({ "type": "adaptive" })
        }
        effort => json!({ "type": "enabled", "budget_tokens": budget(effort, max_tokens)? }),
    };
    merge(body, MODELS_OWN, json!({ "thinking": thinking }));
    Ok(effort != "none")
}

/// Sets a member; objects are merged by name, `null` takes it out.
fn merge(body: &mut Map<String, Value>, name: &str, value: Value) {
    match (body.get_mut(name), value) {
        (_, Value::Null) => {
            body.shift_remove(name);
        }
        (Some(Value::Object(own)), Value::Object(more)) => {
            own.extend(more);
            own.retain(|_, value| !value.is_null());
        }
        (_, value) => {
            body.insert(name.to_owned(), value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(model: &str, settings: &Settings) -> Value {
        let mut body = Map::new();
        write(model, settings, &mut body).unwrap();
        Value::Object(body)
    }

    #[test]
    fn settings_go_where_they_belong() {
        let mut settings = Settings {
            temperature: Some(0.5),
            top_p: Some(0.9),
            max_tokens: Some(100),
            stop: vec!["END".to_owned()],
            ..Settings::default()
        };
        for (name, value) in [
            ("top_k", json!(40)),
            ("additionalModelRequestFields", json!({ "x": ["y"] })),
            ("guardrailConfig", json!({ "guardrailIdentifier": "g" })),
            ("inferenceConfig", json!({ "topP": null, "maxTokens": 50 })),
            ("nothing", Value::Null),
        ] {
            settings.extra.insert(name.to_owned(), value);
        }
        assert_eq!(
            written("amazon.nova-lite-v1:0", &settings),
            json!({
                "inferenceConfig": { "maxTokens": 50, "temperature": 0.5, "stopSequences": ["END"] },
                "additionalModelRequestFields": { "top_k": 40, "x": ["y"] },
                "guardrailConfig": { "guardrailIdentifier": "g" },
            })
        );
    }

    #[test]
    fn effort_goes_as_the_model_has_it() {
        let settings = |effort: &str| Settings {
            temperature: Some(0.5),
            top_p: Some(0.9),
            max_tokens: Some(4096),
            reasoning_effort: Some(effort.to_owned()),
            ..Settings::default()
        };
        let claude = |version: &str, effort: &str| {
            written(&format!("eu.anthropic.claude-{version}"), &settings(effort))
        };
        assert_eq!(
            claude("opus-4-6-v1", "high"),
            json!({
                "outputConfig": { "effort": "high" },
                "additionalModelRequestFields": { "thinking": { "type": "adaptive" } },
                "inferenceConfig": { "maxTokens": 4096 },
            })
        );
        assert_eq!(
            claude("opus-4-6-v1", "none"),
            json!({
                "additionalModelRequestFields": { "thinking": { "type": "disabled" } },
                "inferenceConfig": { "maxTokens": 4096, "temperature": 0.5 },
            })
        );
        assert_eq!(
            claude("sonnet-4-5-20250929-v1:0", "high"),
            json!({
                "additionalModelRequestFields": { "thinking": { "type": "enabled", "budget_tokens": 2048 } },
                "inferenceConfig": { "maxTokens": 4096 },
            })
        );
        let plain = json!({ "maxTokens": 4096, "temperature": 0.5, "topP": 0.9f64 });
        assert_eq!(
            written("openai.gpt-oss-120b-1:0", &settings("low")),
            json!({ "additionalModelRequestFields": { "reasoning_effort": "low" }, "inferenceConfig": plain })
        );
        assert_eq!(
            written("some.other-model", &settings("low")),
            json!({ "outputConfig": { "effort": "low" }, "inferenceConfig": plain })
        );
    }

    #[test]
    fn a_seed_is_left_out_unless_extra_names_it() {
        let mut settings = Settings {
            seed: Some(7),
            ..Settings::default()
        };
        assert_eq!(written("m", &settings), json!({}));
        settings.extra.insert("seed".to_owned(), json!(7));
        assert_eq!(
            written("m", &settings),
            json!({ "additionalModelRequestFields": { "seed": 7 } })
        );
    }
}
