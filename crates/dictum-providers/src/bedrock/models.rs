//! What is known of models by their names.

use crate::anthropic::Facts;

/// Whether the model keeps a marked prefix: Claude from 3.5 Haiku and 3.7 Sonnet on, and Nova.
pub(super) fn keep_a_prefix(model: &str) -> bool {
    model.contains("amazon.nova-")
        || model.contains("anthropic.claude-3-5-haiku")
        || claude(model).is_some_and(|facts| facts.since((3, 7)))
}

/// Whether the model can be held to a schema: Claude from 4.5 on. Some open models can too; the builder can be told.
pub(super) fn hold_a_schema(model: &str) -> bool {
    claude(model).is_some_and(Facts::schemas)
}

/// What is known of the model, if it is a Claude.
pub(super) fn claude(model: &str) -> Option<Facts> {
    let is_one = model.contains("anthropic.claude-") && !model.contains("claude-instant");
    is_one.then(|| Facts::of(model))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell() {
        for (model, keeps, holds) in [
            ("anthropic.claude-3-haiku-20240307-v1:0", false, false),
            ("anthropic.claude-3-5-sonnet-20240620-v1:0", false, false),
            ("us.anthropic.claude-3-7-sonnet-20250219-v1:0", true, false),
            ("anthropic.claude-sonnet-4-20250514-v1:0", true, false),
            ("eu.anthropic.claude-opus-4-1-20250805-v1:0", true, false),
            ("global.anthropic.claude-haiku-4-5-20251001-v1:0", true, true),
            ("anthropic.claude-opus-4-6-v1", true, true),
            (
                "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-sonnet-4-5-20250929-v1:0",
                true,
                true,
            ),
            ("amazon.nova-lite-v1:0", true, false),
            ("meta.llama3-1-70b-instruct-v1:0", false, false),
            ("anthropic.claude-instant-v1", false, false),
        ] {
            assert_eq!(
                (keep_a_prefix(model), hold_a_schema(model)),
                (keeps, holds),
                "{model}"
            );
        }
    }
}
