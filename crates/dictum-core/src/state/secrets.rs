//! Keys and endpoints have no place in a state.

use serde_json::{Map, Value};

use super::ProgramState;

/// Names of what identifies an account, opens a door or says where the door is; without case, `_` and `-`.
const NAMES: &[&str] = &[
    "apibase",
    "apikey",
    "auth",
    "authorization",
    "baseurl",
    "bearer",
    "cookie",
    "credentials",
    "endpoint",
    "headers",
    "host",
    "httpproxy",
    "httpsproxy",
    "key",
    "modellist",
    "password",
    "proxies",
    "proxy",
    "secret",
    "token",
    "uri",
    "url",
];

/// Endings that say the same of longer names (`azure_endpoint`, `aws_secret_access_key`, `extra_headers`).
const ENDINGS: &[&str] = &[
    "accesskey",
    "accesskeyid",
    "accesstoken",
    "adtoken",
    "apibase",
    "apikey",
    "authtoken",
    "baseurl",
    "credentials",
    "endpoint",
    "headers",
    "password",
    "secret",
    "sessiontoken",
    "url",
];

/// Whether a setting of this name must not be in a file.
fn is_secret(name: &str) -> bool {
    let name: String = name
        .chars()
        .filter(|c| !matches!(c, '_' | '-' | '.' | ' '))
        .flat_map(char::to_lowercase)
        .collect();
    NAMES.contains(&name.as_str()) || ENDINGS.iter().any(|ending| name.ends_with(ending))
}

/// Whether a setting of this name and value must not be in a file.
pub(super) fn holds_secret(name: &str, value: &Value) -> bool {
    is_secret(name) || within(value).is_some()
}

/// The first name in these entries, at any depth, that must not be in a file.
fn find(entries: &Map<String, Value>) -> Option<&str> {
    entries.iter().find_map(|(name, value)| {
        if is_secret(name) {
            return Some(name.as_str());
        }
        within(value)
    })
}

fn within(value: &Value) -> Option<&str> {
    match value {
        Value::Object(entries) => find(entries),
        Value::Array(items) => items.iter().find_map(within),
        _ => None,
    }
}

/// Whether a text can be a name and no address.
fn is_name(text: &str) -> bool {
    let plain = |c: char| !c.is_whitespace() && !c.is_control();
    !text.is_empty() && text.chars().count() <= 100 && text.chars().all(plain) && !text.contains("://")
}

impl ProgramState {
    /// Why the state must not be written or read. Demonstrations are not looked into: a field may well be called `url`.
    pub(super) fn secret(&self) -> Option<String> {
        let words = |place: String, name: &str| {
            format!(
                "{place} holds `{name}`: a program file holds no keys and no endpoints; give them to the model instead"
            )
        };
        for (path, saved) in &self.predictors {
            for (what, name) in [("lm", &saved.state.lm), ("adapter", &saved.state.adapter)] {
                if name.as_ref().is_some_and(|name| !is_name(name)) {
                    return Some(format!(
                        "`{what}` of `{path}` is no name: up to 100 visible characters without `://`; a program file \
                         holds no keys and no endpoints"
                    ));
                }
            }
            if let Some(name) = find(&saved.state.settings.extra) {
                return Some(words(format!("`settings.extra` of `{path}`"), name));
            }
        }
        if let Some(name) = find(&self.metadata) {
            return Some(words("`metadata`".to_owned(), name));
        }
        let kept = self.unplaced.get("predictors").and_then(Value::as_object);
        for (path, kept) in kept.into_iter().flatten() {
            let lm = kept.get("lm").and_then(Value::as_object);
            if let Some(name) = lm.and_then(find) {
                return Some(words(format!("`unplaced.lm` of `{path}`"), name));
            }
        }
        None
    }
}
