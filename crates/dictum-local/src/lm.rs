//! The engine as a [`LanguageModel`].

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use dictum_core::lm::{
    Call, Capabilities, Digest, FinishReason, LanguageModel, Lm, LmError, LmErrorKind, Message, OutputShape,
    Part, Payload, Piece, Request, Response, ResponseFormat, ResponseStream, Role, Settings, Source,
    StreamEvent, Usage,
};
use futures_util::future::BoxFuture;
use serde_json::json;

use crate::engine::{
    ChatMessage, Delta, Deltas, Engine, EngineConfig, Finish, Generate, Sampling, TokenCounts,
};
use crate::error::EngineError;
use crate::models::{FetchError, Models, Progress};

/// A model that runs in this process.
///
/// What is particular to it:
///
/// - Without a temperature in the settings it is greedy (temperature 0).
/// - Without a limit in the settings an answer has at most 512 tokens.
/// - A call's generator is seeded by `settings.seed` (0 when absent) mixed with the request's sample index, so samples differ and
///   each is the same again next time, whatever else runs beside it.
/// - It decodes under [`Request::output`], or else under [`Request::response_format`]; text that leaves no choice is not sampled.
/// - What is computed for [`Request::prefix`] is kept for other calls; where there is none, what calls are seen to begin alike with.
/// - It takes text only, and no tools. What it can't honour is an error, not ignored: unknown `extra` settings, and a `reasoning_effort` other than
///   `none`, since a model that runs here thinks as long as its prompt makes it.
#[derive(Debug, Clone)]
pub struct LocalLm {
    name: Arc<str>,
    /// Which of the user's files it is, where the name alone, the file's, does not tell.
    variant: Option<Digest>,
    engine: Engine,
}

impl LocalLm {
    /// Runs an engine under a name of the user's choice: it becomes `local/NAME` in traces and cache keys.
    #[must_use]
    pub fn new(name: &str, engine: Engine) -> Self {
        Self {
            name: format!("local/{name}").into(),
            variant: None,
            engine,
        }
    }

    /// The engine, to count tokens with.
    #[must_use]
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    fn start(&self, request: &Request, call: &Call) -> Result<Deltas, LmError> {
        let messages = request
            .messages()
            .map(chat_message)
            .collect::<Result<Vec<_>, _>>()?;
        if !request.tools.is_empty() {
            return Err(unsupported("tools"));
        }
        honoured(&request.settings)?;
        let settings = &request.settings;
        // Without a prefix nobody has said that nothing is shared.
        let shared = Some(request.prefix.messages().len()).filter(|messages| *messages > 0);
        let prompt = self.engine.prompt(&messages, shared).map_err(to_lm)?;
        let mut generate = Generate::new(prompt);
        generate.max_tokens = settings.max_tokens.map(|n| n as usize);
        generate.sampling = Sampling {
            temperature: settings.temperature.unwrap_or(0.0) as f32,
            top_p: settings.top_p.unwrap_or(1.0) as f32,
            seed: sample_seed(settings.seed.unwrap_or(0), request.sample),
        };
        generate.stops.clone_from(&settings.stop);
        generate.shape = shape(request);
        generate.deadline = call.deadline;
        self.engine.stream(generate).map_err(to_lm)
    }

    fn response(&self, text: String, finish: Finish, tokens: TokenCounts) -> Response {
        let count = |n: usize| u64::try_from(n).ok();
        Response {
            parts: vec![Part::text(text)],
            finish: match finish {
                Finish::Stop => FinishReason::Stop,
                Finish::Length => FinishReason::Length,
            },
            usage: Usage {
                input_tokens: count(tokens.prompt),
                cached_tokens: count(tokens.cached),
                cache_write_tokens: None,
                output_tokens: count(tokens.completion),
                reasoning_tokens: None,
                cost_usd: None,
                ..Usage::default()
            },
            model: self.name.to_string(),
            raw: Some(Payload::from(&json!({ "forced_tokens": tokens.forced }))),
            source: Source::Model,
            attempts: 1,
        }
    }
}

impl LanguageModel for LocalLm {
    fn name(&self) -> &str {
        &self.name
    }

    fn variant(&self) -> Option<Digest> {
        self.variant
    }

    fn capabilities(&self) -> Capabilities {
        let context = u32::try_from(self.engine.context()).unwrap_or(u32::MAX);
        Capabilities::default()
            .with_json(true, true)
            .with_output_shape()
            .with_context_window(context)
    }

    fn complete<'a>(
        &'a self,
        request: &'a Request,
        call: &'a Call,
    ) -> BoxFuture<'a, Result<Response, LmError>> {
        Box::pin(async move {
            let named = |error: LmError| error.with_model(self.name());
            let mut deltas = self.start(request, call).map_err(named)?;
            let mut text = String::new();
            loop {
                match deltas.next().await.map_err(|error| named(to_lm(error)))? {
                    Delta::Text(delta) => text.push_str(&delta),
                    Delta::Done(finish, tokens) => return Ok(self.response(text, finish, tokens)),
                }
            }
        })
    }

    fn stream<'a>(
        &'a self,
        request: &'a Request,
        call: &'a Call,
    ) -> BoxFuture<'a, Result<ResponseStream, LmError>> {
        Box::pin(async move {
            let deltas = self
                .start(request, call)
                .map_err(|error| error.with_model(self.name()))?;
            let state = Some((deltas, String::new(), self.clone()));
            let events = futures_util::stream::unfold(state, |state| async move {
                let (mut deltas, mut text, lm) = state?;
                Some(match deltas.next().await {
                    Ok(Delta::Text(delta)) => {
                        text.push_str(&delta);
                        (Ok(StreamEvent::Text(delta)), Some((deltas, text, lm)))
                    }
                    Ok(Delta::Done(finish, tokens)) => (
                        Ok(StreamEvent::Finished(Box::new(lm.response(text, finish, tokens)))),
                        None,
                    ),
                    Err(error) => (Err(to_lm(error).with_model(lm.name())), None),
                })
            });
            Ok(Box::pin(events) as ResponseStream)
        })
    }
}

fn chat_message(message: &Message) -> Result<ChatMessage, LmError> {
    if message.role == Role::Tool {
        return Err(unsupported("results of tool calls"));
    }
    let mut content = String::new();
    for part in &message.parts {
        match part {
            Part::Text { text } => content.push_str(text),
            // What a model thought is not part of what it said, nor is what only its provider understands.
            Part::Reasoning { .. } | Part::Opaque { .. } => {}
            Part::ToolCall { .. } | Part::ToolResult { .. } => return Err(unsupported("tool calls")),
            _ => return Err(unsupported("images, sounds and documents")),
        }
    }
    Ok(ChatMessage::new(message.role.as_str(), content))
}

/// Refuses settings that would have to be dropped. One who sets them counts on them.
fn honoured(settings: &Settings) -> Result<(), LmError> {
    if let Some(name) = settings.extra.keys().next() {
        let message =
            format!("the local engine knows no setting `{name}`; remove it from the call's settings");
        return Err(LmError::new(LmErrorKind::InvalidRequest, message));
    }
    match settings.reasoning_effort.as_deref() {
        Some(effort) if !effort.eq_ignore_ascii_case("none") => {
            let message = format!(
                "a model in the local engine has no adjustable reasoning, so `reasoning_effort` can't be `{effort}`; \
                 remove it, or set it to `none`"
            );
            Err(LmError::new(LmErrorKind::Unsupported, message))
        }
        _ => Ok(()),
    }
}

fn unsupported(what: &str) -> LmError {
    LmError::new(
        LmErrorKind::Unsupported,
        format!("the local engine takes text only, no {what}"),
    )
}

/// The layout to decode under: the adapter's, else what the response format asks for.
fn shape(request: &Request) -> Option<Arc<OutputShape>> {
    let schema = match (&request.output, request.response_format.as_deref()) {
        (Some(shape), _) => return Some(Arc::clone(shape)),
        (None, None) => return None,
        (None, Some(ResponseFormat::JsonObject)) => json!({ "type": "object" }),
        (None, Some(ResponseFormat::JsonSchema { schema, .. })) => schema.clone(),
    };
    Some(Arc::new(OutputShape::new(vec![Piece::Json(schema)])))
}

/// Sample 0 has the seed itself; the others are far from it and from each other.
fn sample_seed(seed: u64, sample: u64) -> u64 {
    seed ^ sample.wrapping_mul(0xD6E8_FEB8_6659_FD93).rotate_left(32)
}

/// Tells a user's file from others of the same name, without reading gigabytes: by where it lies, its size and its age.
fn of_file(path: &Path) -> Digest {
    let place = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let metadata = path.metadata().ok();
    let age = metadata
        .as_ref()
        .and_then(|metadata| metadata.modified().ok()?.duration_since(UNIX_EPOCH).ok());
    let facts = (
        place.to_string_lossy(),
        metadata.map(|metadata| metadata.len()),
        age,
    );
    Digest::of(&facts)
}

pub(crate) fn to_lm(error: EngineError) -> LmError {
    let kind = match &error {
        EngineError::ContextOverflow { .. } | EngineError::TextTooLong { .. } => LmErrorKind::ContextWindow,
        EngineError::Grammar { .. } | EngineError::Setting { .. } | EngineError::ChatTemplate { .. } => {
            LmErrorKind::InvalidRequest
        }
        EngineError::Deadline => LmErrorKind::Timeout,
        EngineError::ModelMissing { .. } => LmErrorKind::Unavailable,
        EngineError::Load { .. } | EngineError::Compute { .. } | EngineError::Stopped => {
            LmErrorKind::Internal
        }
    };
    LmError::new(kind, error.to_string()).with_source(error)
}

/// The folder that was set, or else the environment's.
pub(crate) fn place(folder: Option<&Path>) -> Result<Models, FetchError> {
    folder.map_or_else(Models::from_env, |path| Ok(Models::at(path)))
}

/// `Lm::local()`: the embedded default.
pub trait LocalModel {
    /// A model that runs in this process, to be configured and built.
    fn local() -> LocalBuilder;
}

impl LocalModel for Lm {
    fn local() -> LocalBuilder {
        LocalBuilder::default()
    }
}

/// Sets up a local model. Nothing is read or loaded before [`LocalBuilder::build`].
#[derive(Debug, Clone, Default)]
#[must_use = "nothing happens before `build`"]
pub struct LocalBuilder {
    model: Option<String>,
    file: Option<PathBuf>,
    models: Option<PathBuf>,
    threads: Option<usize>,
    context: Option<u32>,
    parallel: Option<u32>,
}

impl LocalBuilder {
    /// The model, by its name in the table of models ([`crate::models::TABLE`]). Default: the first, `qwen2.5-coder-0.5b`.
    pub fn model(mut self, name: impl Into<String>) -> Self {
        self.model = Some(name.into());
        self
    }

    /// A GGUF file of the user's own instead of one from the table.
    pub fn file(mut self, path: impl Into<PathBuf>) -> Self {
        self.file = Some(path.into());
        self
    }

    /// The folder where models lie. Default: what [`Models::from_env`] says.
    pub fn models_dir(mut self, path: impl Into<PathBuf>) -> Self {
        self.models = Some(path.into());
        self
    }

    /// Threads that compute; see [`EngineConfig::threads`]. Default: all cores.
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = Some(threads);
        self
    }

    /// Tokens of prompt and answer together; see [`EngineConfig::context`]. Default 4096.
    pub fn context(mut self, tokens: u32) -> Self {
        self.context = Some(tokens);
        self
    }

    /// Calls computed at once. Default 8. With 1, a lone call is fastest; see [`EngineConfig::parallel`].
    pub fn parallel(mut self, calls: u32) -> Self {
        self.parallel = Some(calls);
        self
    }

    /// Downloads the model if it is not there yet, telling `progress` first what it will load and how large it is. Blocks until
    /// done; see [`Models::fetch`].
    ///
    /// # Errors
    /// See [`Models::fetch`]. A model file of the user's own is never fetched.
    pub fn fetch(self, progress: &mut dyn Progress) -> Result<Self, FetchError> {
        if self.file.is_none() {
            let models = self.models()?;
            models.fetch(crate::models::find_chat(self.model.as_deref())?, progress)?;
        }
        Ok(self)
    }

    /// Loads the model and starts its engine. Blocks while it loads (under a second when the file is in the system's cache). Never
    /// downloads: when the model is not there, the error says how to fetch it.
    ///
    /// # Errors
    /// [`LmErrorKind::Unavailable`] when the model's file is missing, [`LmErrorKind::Internal`] when it can't be loaded,
    /// [`LmErrorKind::InvalidRequest`] for a setting out of range or an unknown model.
    pub fn build(self) -> Result<Lm, LmError> {
        Ok(Lm::new(self.build_local()?))
    }

    /// As [`LocalBuilder::build`], for those who need the engine too.
    ///
    /// # Errors
    /// As [`LocalBuilder::build`].
    pub fn build_local(self) -> Result<LocalLm, LmError> {
        let invalid = |error: FetchError| {
            LmError::new(LmErrorKind::InvalidRequest, error.to_string()).with_source(error)
        };
        let (name, path) = match &self.file {
            Some(file) => (
                file.file_stem()
                    .unwrap_or_default()
                    .to_string_lossy()
                    .into_owned(),
                file.clone(),
            ),
            None => {
                let spec = crate::models::find_chat(self.model.as_deref()).map_err(invalid)?;
                let path = self.models().map_err(invalid)?.whole(spec).map_err(to_lm)?;
                (spec.name.to_owned(), path)
            }
        };
        let mut config = EngineConfig::new(path);
        config.threads = self.threads.unwrap_or(config.threads);
        config.context = self.context.unwrap_or(config.context);
        config.parallel = self.parallel.unwrap_or(config.parallel);
        let variant = self.file.as_deref().map(of_file);
        Ok(LocalLm {
            variant,
            ..LocalLm::new(&name, Engine::start(&config).map_err(to_lm)?)
        })
    }

    fn models(&self) -> Result<Models, FetchError> {
        place(self.models.as_deref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_it_cannot_honour_are_refused_and_said() {
        let with = |change: &dyn Fn(&mut Settings)| {
            let mut settings = Settings::default();
            change(&mut settings);
            honoured(&settings).map_err(|error| (error.kind(), error.to_string()))
        };
        let effort = |words: &str| with(&|settings| settings.reasoning_effort = Some(words.to_owned()));
        let (kind, message) = effort("low").unwrap_err();
        assert_eq!(kind, LmErrorKind::Unsupported);
        assert!(
            message.contains("`reasoning_effort`") && message.contains("`low`"),
            "{message}"
        );
        assert_eq!((effort("none"), effort("None")), (Ok(()), Ok(())));
        let (kind, message) = with(&|settings| {
            settings.extra.insert("mirostat".to_owned(), json!(2));
        })
        .unwrap_err();
        assert_eq!(kind, LmErrorKind::InvalidRequest);
        assert!(message.contains("`mirostat`"), "{message}");
    }

    #[test]
    fn files_of_one_name_are_told_apart() {
        // Any two files of one name will do.
        let file = |folder: &str| {
            Path::new(env!("CARGO_MANIFEST_DIR"))
                .join("src")
                .join(folder)
                .join("mod.rs")
        };
        let (one, two) = (file("models"), file("engine"));
        assert!(one.is_file() && two.is_file());
        assert_ne!(of_file(&one), of_file(&two));
        assert_eq!(of_file(&one), of_file(&one));
    }
}
