//! Signature Version 4: proves that a request is from who has the key, without sending the key.
//!
//! Written out here because the maintained crates bring two dozen others; `ring` is there for TLS anyway. Checked against the
//! vectors that AWS publishes.

use std::fmt::Write as _;
use std::time::{SystemTime, UNIX_EPOCH};

use dictum_core::lm::{LmError, LmErrorKind};
use ring::{digest, hmac};
use url::Url;

use crate::{Secret, env};

/// An access key of AWS. Shows itself nowhere.
#[derive(Debug, Clone)]
pub struct Credentials {
    pub(super) access_key_id: Secret,
    pub(super) secret_access_key: Secret,
    pub(super) session_token: Option<Secret>,
}

impl Credentials {
    /// A long-lived access key.
    pub fn new(access_key_id: impl Into<Secret>, secret_access_key: impl Into<Secret>) -> Self {
        Self {
            access_key_id: access_key_id.into(),
            secret_access_key: secret_access_key.into(),
            session_token: None,
        }
    }

    /// The access key in the environment variables `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and, if set,
    /// `AWS_SESSION_TOKEN`, read now.
    ///
    /// # Errors
    /// [`LmErrorKind::Auth`] when one of the first two is not set or empty.
    pub fn from_env() -> Result<Self, LmError> {
        Self::from_variables(env::text)
    }

    pub(super) fn from_variables(read: impl Fn(&str) -> Option<String>) -> Result<Self, LmError> {
        let wanted = |name: &str| {
            read(name).ok_or_else(|| {
                let message = format!("set the environment variable {name} to your access key of AWS");
                LmError::new(LmErrorKind::Auth, message)
            })
        };
        let mut credentials = Self::new(wanted("AWS_ACCESS_KEY_ID")?, wanted("AWS_SECRET_ACCESS_KEY")?);
        credentials.session_token = read("AWS_SESSION_TOKEN").map(Secret::new);
        Ok(credentials)
    }

    /// The same, of a role or session: temporary keys come with a token.
    #[must_use]
    pub fn with_session_token(mut self, token: impl Into<Secret>) -> Self {
        self.session_token = Some(token.into());
        self
    }
}

/// Signs requests to one service in one region.
#[derive(Debug, Clone)]
pub(super) struct Signer {
    pub(super) credentials: Credentials,
    pub(super) region: String,
    pub(super) service: &'static str,
}

impl Signer {
    /// The headers that prove a request: `x-amz-date`, `authorization` and, for temporary keys, `x-amz-security-token`.
    /// `headers` are those of the request to be signed along with its host; names in lower case.
    pub(super) fn sign(
        &self,
        method: &str,
        url: &Url,
        headers: &[(&str, &str)],
        body: &[u8],
        now: SystemTime,
    ) -> Vec<(&'static str, Secret)> {
        let time = timestamp(now);
        let day = time.split('T').next().unwrap_or_default();
        let host = host(url);
        let mut signed: Vec<(&str, &str)> = headers.to_vec();
        signed.push(("host", &host));
        signed.push(("x-amz-date", &time));
        if let Some(token) = &self.credentials.session_token {
            signed.push(("x-amz-security-token", token.expose()));
        }
        signed.sort_unstable();
        let names: Vec<&str> = signed.iter().map(|(name, _)| *name).collect();
        let names = names.join(";");

        let canonical = canonical(method, url, &signed, &names, body);
        let scope = format!("{day}/{}/{}/aws4_request", self.region, self.service);
        let to_sign = format!(
            "AWS4-HMAC-SHA256\n{time}\n{scope}\n{}",
            sha256(canonical.as_bytes())
        );
        let signature = hex(mac(&self.key(day), to_sign.as_bytes()).as_ref());
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders={names}, Signature={signature}",
            self.credentials.access_key_id.expose()
        );
        let mut proof = vec![
            ("x-amz-date", Secret::new(time)),
            ("authorization", Secret::new(authorization)),
        ];
        if let Some(token) = &self.credentials.session_token {
            proof.push(("x-amz-security-token", token.clone()));
        }
        proof
    }

    /// The key of one day, region and service.
    fn key(&self, day: &str) -> hmac::Key {
        let first = format!("AWS4{}", self.credentials.secret_access_key.expose());
        let mut key = hmac::Key::new(hmac::HMAC_SHA256, first.as_bytes());
        for step in [day, &self.region, self.service, "aws4_request"] {
            key = hmac::Key::new(hmac::HMAC_SHA256, mac(&key, step.as_bytes()).as_ref());
        }
        key
    }
}

/// The request in the one form that both sides write the same.
fn canonical(method: &str, url: &Url, headers: &[(&str, &str)], names: &str, body: &[u8]) -> String {
    let mut query: Vec<(String, String)> = url
        .query_pairs()
        .map(|(name, value)| (encoded(&name, ""), encoded(&value, "")))
        .collect();
    query.sort_unstable();
    let query: Vec<String> = query
        .into_iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    // The path as it is sent, which has its escapes, is escaped once more.
    let mut out = format!("{method}\n{}\n{}\n", encoded(url.path(), "/"), query.join("&"));
    for (name, value) in headers {
        let words: Vec<&str> = value.split_ascii_whitespace().collect();
        writeln!(out, "{name}:{}", words.join(" ")).ok();
    }
    write!(out, "\n{names}\n{}", sha256(body)).ok();
    out
}

/// Host and, if it is not the scheme's own, port: as it stands in the `host` header.
fn host(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port()
        .map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// A text with all escaped but letters, digits, `-_.~` and what is in `kept`.
pub(super) fn encoded(text: &str, kept: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) || kept.as_bytes().contains(&byte) {
            out.push(char::from(byte));
        } else {
            write!(out, "%{byte:02X}").ok();
        }
    }
    out
}

fn sha256(bytes: &[u8]) -> String {
    hex(digest::digest(&digest::SHA256, bytes).as_ref())
}

fn mac(key: &hmac::Key, bytes: &[u8]) -> hmac::Tag {
    hmac::sign(key, bytes)
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut out, byte| {
            write!(out, "{byte:02x}").ok();
            out
        })
}

/// `20150830T123600Z`.
fn timestamp(now: SystemTime) -> String {
    let seconds = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    // Days since 1 March 0000 make leap days the last of their year, so that no table is needed; see Howard Hinnant's
    // "chrono-compatible low-level date algorithms".
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let (month, into_next) = if month < 10 {
        (month + 3, 0)
    } else {
        (month - 9, 1)
    };
    let year = era * 400 + year_of_era + into_next;
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z")
}

#[cfg(test)]
mod tests;
