//! What is known of models by their names.

/// Whether the model keeps a marked prefix: Claude from 3.5 Haiku and 3.7 Sonnet on, and Nova.
pub(super) fn keep_a_prefix(model: &str) -> bool {
    model.contains("amazon.nova-")
        || model.contains("anthropic.claude-3-5-haiku")
        || model.contains("anthropic.claude-3-7-sonnet")
        || claude(model).is_some_and(|version| version >= (4, 0))
}

/// Whether the model can be held to a schema: Claude from 4.5 on. Some open models can too; the builder can be told.
pub(super) fn hold_a_schema(model: &str) -> bool {
    claude(model).is_some_and(|version| version >= (4, 5))
}

/// The version of `anthropic.claude-opus-4-5-20251101-v1:0` and the like. Names older than version 4 begin with the version.
fn claude(model: &str) -> Option<(u32, u32)> {
    let (_, rest) = model.split_once("anthropic.claude-")?;
    let mut pieces = rest.split(['-', ':']);
    pieces
        .next()
        .filter(|size| size.starts_with(|c: char| c.is_ascii_alphabetic()))?;
    let major = pieces.next()?.parse().ok()?;
    // A date stands where there is no minor version.
    let minor = pieces
        .next()
        .and_then(|minor| minor.parse().ok())
        .filter(|minor| *minor < 100);
    Some((major, minor.unwrap_or(0)))
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
