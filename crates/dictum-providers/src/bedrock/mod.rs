//! Amazon Bedrock's Converse, which puts the models of many makers behind one form.
//!
//! What is sent and read, part by part:
//!
//! | Dictum | on the wire |
//! |---|---|
//! | text, image, audio, file (inline or on S3) | blocks `text`, `image`, `audio`, `document`; a file of type `video/...` is a `video` |
//! | tool calls, tool results | blocks `toolUse`, `toolResult` |
//! | reasoning | `reasoningContent`; given back where it is signed, as its models demand |
//! | encrypted reasoning, tools that run at the provider | [`Part::Opaque`](dictum_core::lm::Part::Opaque), both ways |
//! | prompt caching | a `cachePoint` at the end of the request's prefix, and of a conversation that goes on, for models that are known to take one |
//! | [`ResponseFormat`](dictum_core::lm::ResponseFormat) | `outputConfig.textFormat`, a schema only, narrowed; one that can't be narrowed is not sent, the prompt describes the layout anyway |
//! | `temperature`, `top_p`, `max_tokens`, `stop` | `inferenceConfig`; the first two as [`anthropic`](crate::anthropic) has it for a Claude, which may refuse them |
//! | `reasoning_effort` | for a Claude as [`anthropic`](crate::anthropic) has it, for `openai.gpt-oss` the model's own parameter, else `outputConfig.effort` |
//! | `seed` | left out: there is none; a model that has one of its own is given it in `extra` |
//! | `extra` | members of a Converse request by name, merged; all others are the model's own, in `additionalModelRequestFields` |
//!
//! A call is signed with an access key ([`Builder::credentials`]) or carries an API key of Bedrock (`api_key`).

mod builder;
mod error;
mod event_stream;
mod kept;
mod media;
mod models;
mod request;
mod response;
mod settings;
mod sigv4;
mod stream;

pub use sigv4::Credentials;

use dictum_core::lm::{Capabilities, LmError, LmErrorKind, Request, Response, Settings};
use http::header::{AUTHORIZATION, HeaderName, HeaderValue};
use url::Url;

use self::sigv4::Signer;
use crate::Remote;
use crate::dialect::{Dialect, Outgoing};
use crate::json::Json;
use crate::refusal::Refusal;

/// A model behind Bedrock's Converse.
pub type Bedrock = Remote<Converse>;

/// Sets up a [`Bedrock`] model.
pub type Builder = crate::Builder<Converse>;

/// The dialect: a model, its region, and who calls it.
#[derive(Debug, Clone)]
pub struct Converse {
    /// A model id, an inference profile, or an ARN.
    model: String,
    region: String,
    signer: Option<Signer>,
    /// A mark at the end of the prefix asks the server to keep what is before it.
    cache: bool,
    /// AWS's own server, which takes no call without proof of who makes it.
    own: bool,
}

impl Dialect for Converse {
    const PROVIDER: &'static str = "bedrock";
    const KEY_VARIABLE: &'static str = "AWS_BEARER_TOKEN_BEDROCK";

    type Body<'a> = request::Body<'a>;
    type Framing = event_stream::Frames;
    type Assembler = stream::Assembler;

    fn model(&self) -> &str {
        &self.model
    }

    fn base_url(&self) -> String {
        let region = &self.region;
        let tail = if region.starts_with("cn-") { ".cn" } else { "" };
        format!("https://bedrock-runtime.{region}.amazonaws.com{tail}")
    }

    fn at(&mut self, base: &Url) {
        let host = base.host_str().unwrap_or_default();
        self.own = host.ends_with(".amazonaws.com") || host.ends_with(".amazonaws.com.cn");
    }

    fn endpoint(&self, mut base: Url, streams: bool) -> Url {
        let call = if streams { "converse-stream" } else { "converse" };
        // Ids have colons, ARNs slashes too: neither may stand as it is, or what is signed is not what is sent.
        let model = sigv4::encoded(&self.model, "");
        let path = format!("{}/model/{model}/{call}", base.path().trim_end_matches('/'));
        base.set_path(&path);
        base
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::default().with_json(false, self.own && models::hold_a_schema(&self.model))
    }

    fn body<'a>(
        &'a self,
        request: &'a Request,
        settings: &Settings,
        _: bool,
    ) -> Result<Self::Body<'a>, LmError> {
        request::body(self, request, settings)
    }

    fn sign(&self, outgoing: &mut Outgoing<'_>) -> Result<(), LmError> {
        // It is part of the address: another host must not come of it.
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if self.region.is_empty() || !self.region.chars().all(plain) {
            let message = format!("`{}` is not a region of AWS, such as eu-central-1", self.region);
            return Err(LmError::new(LmErrorKind::InvalidRequest, message));
        }
        if outgoing.headers.contains_key(AUTHORIZATION) {
            return Ok(());
        }
        let Some(signer) = &self.signer else {
            if !self.own {
                return Ok(());
            }
            let message = "give an API key of Bedrock, or an access key of AWS (`credentials`)";
            return Err(LmError::new(LmErrorKind::Auth, message));
        };
        // What is AWS's own must be signed; of the rest, what says how to read the body.
        let signed = |name: &str| name == "content-type" || name.starts_with("x-amz-");
        let headers: Vec<(&str, &str)> = outgoing
            .headers
            .iter()
            .filter(|(name, _)| signed(name.as_str()))
            .filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)))
            .collect();
        let proof = signer.sign("POST", outgoing.url, &headers, outgoing.body, outgoing.now);
        for (name, value) in proof {
            let Ok(mut value) = HeaderValue::try_from(value.expose()) else {
                let message = "the access key has characters that no header may have";
                return Err(LmError::new(LmErrorKind::Auth, message));
            };
            value.set_sensitive(true);
            outgoing.headers.insert(HeaderName::from_static(name), value);
        }
        Ok(())
    }

    fn response<J: Json>(&self, payload: &J) -> Result<Response, LmError> {
        response::response(payload)
    }

    fn refused(refusal: &Refusal) -> LmError {
        error::refused(refusal)
    }

    fn assembler(&self) -> Self::Assembler {
        stream::Assembler::default()
    }
}
