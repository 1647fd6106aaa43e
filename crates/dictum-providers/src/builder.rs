//! Setting up a model, whatever its dialect.

use dictum_core::lm::layers::Timeout;
use dictum_core::lm::{Digest, Lm, LmError, Settings};

use crate::connection::{Connection, connection_setters};
use crate::dialect::Dialect;
use crate::http::Endpoints;
use crate::learned::Learned;
use crate::{Remote, Secret};

/// Sets up a remote model. Reads nothing from the environment but where a method's name says so.
///
/// What a dialect has beside these methods stands in its module.
#[derive(Debug, Clone)]
pub struct Builder<D> {
    pub(crate) dialect: D,
    provider: String,
    pub(crate) connection: Connection,
    /// The header that carries the bare key, where it is not the dialect's usual one.
    key_header: Option<&'static str>,
    settings: Settings,
    structured_output: Option<(bool, bool)>,
    tools: bool,
    context_window: Option<u32>,
}

#[expect(private_bounds, reason = "what a dialect is made of is not public")]
impl<D: Dialect> Builder<D> {
    pub(crate) fn new(dialect: D) -> Self {
        Self {
            dialect,
            provider: D::PROVIDER.to_owned(),
            connection: Connection::new(D::KEY_VARIABLE),
            key_header: None,
            settings: Settings::default(),
            structured_output: None,
            tools: true,
            context_window: None,
        }
    }

    connection_setters!();

    /// Settings for calls that don't say otherwise. Caches and cassettes keep the answers of models with other
    /// defaults apart.
    #[must_use]
    pub fn settings(mut self, settings: Settings) -> Self {
        self.settings = settings;
        self
    }

    /// Whether the server can hold answers to some JSON object, and to a JSON Schema. Default: what the provider's own
    /// address is known to do, and neither at another, since a server that ignores or refuses the parameter is worse than one
    /// that is not asked.
    #[must_use]
    pub fn structured_output(mut self, json_object: bool, json_schema: bool) -> Self {
        self.structured_output = Some((json_object, json_schema));
        self
    }

    /// Whether the model takes tools. Default: yes.
    #[must_use]
    pub fn tools(mut self, takes: bool) -> Self {
        self.tools = takes;
        self
    }

    /// The model's context window, in tokens, if known.
    #[must_use]
    pub fn context_window(mut self, tokens: u32) -> Self {
        self.context_window = Some(tokens);
        self
    }

    /// The model. Of the layers it has only what keeps the call's deadline; see
    /// [`standard`](dictum_core::lm::layers::standard) for the others.
    ///
    /// # Errors
    /// [`LmErrorKind::InvalidRequest`](dictum_core::lm::LmErrorKind::InvalidRequest) when the address or a header is not one; [`LmErrorKind::Transport`](dictum_core::lm::LmErrorKind::Transport) when TLS can't be
    /// set up. Nothing is sent.
    pub fn build(self) -> Result<Lm, LmError> {
        let model = self.build_model()?;
        Ok(Lm::new(model).layer(Timeout::deadline_only()))
    }

    fn build_model(mut self) -> Result<Remote<D>, LmError> {
        let name = self.name();
        let own = self.dialect.base_url();
        let (base, prices) = self
            .connection
            .place(&own)
            .map_err(|error| error.with_model(&name))?;
        self.dialect.at(&base);
        // Without the query, which may hold a key or a version: neither makes it another model.
        let address = (
            base.scheme(),
            base.host_str(),
            base.port_or_known_default(),
            base.path(),
        );
        let variant = Digest::of(&(address, &self.settings, self.dialect.options()));
        let endpoints = Endpoints {
            whole: self.dialect.endpoint(base.clone(), false),
            streaming: self.dialect.endpoint(base, true),
        };
        let authorize = |key: &Secret| match self.key_header {
            Some(header) => (header, key.clone()),
            None => D::authorize(key),
        };
        let http = self.connection.open(endpoints, D::HEADERS, authorize);
        let mut capabilities = self.dialect.capabilities();
        if let Some((object, schema)) = self.structured_output {
            capabilities = capabilities.with_json(object, schema);
        }
        capabilities.tools = self.tools;
        capabilities.context_window = self.context_window.or(capabilities.context_window);
        Ok(Remote {
            http: http.map_err(|error| error.with_model(&name))?,
            dialect: self.dialect,
            settings: self.settings,
            capabilities,
            name,
            variant,
            prices,
            learned: Learned::default(),
        })
    }

    /// Another provider of the same dialect: the part of the model's name before the slash.
    pub(crate) fn provider(mut self, name: &str) -> Self {
        self.provider = name.to_owned();
        self
    }

    /// The environment variable that usually holds the key.
    pub(crate) fn key_variable(mut self, name: &'static str) -> Self {
        self.connection.key_variable = name;
        self
    }

    /// The header that carries the bare key.
    pub(crate) fn key_header(mut self, name: &'static str) -> Self {
        self.key_header = Some(name);
        self
    }

    fn name(&self) -> String {
        format!("{}/{}", self.provider, self.dialect.model())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Anthropic, Gemini, OpenAi, Price, Prices, Responses};

    #[test]
    fn prices_are_known_only_where_the_model_is_the_providers() {
        let known = |builder: Builder<crate::openai::Chat>| {
            let model = builder.build_model().unwrap();
            model.prices.get("openai/gpt-5-mini").map(|price| price.input)
        };
        let elsewhere = OpenAi::builder("gpt-5-mini").base_url("http://localhost:8000/v1");
        assert!(known(OpenAi::builder("gpt-5-mini")).is_some());
        assert_eq!(known(elsewhere.clone()), None);
        let own = Prices::none().with("openai/gpt-5-mini", Price::new(7.0, 7.0));
        assert_eq!(known(elsewhere.prices(own.clone())), Some(7.0));
        assert_eq!(known(OpenAi::builder("gpt-5-mini").prices(own)), Some(7.0));
        let gemini = Gemini::builder("gemini-2.5-pro").build_model().unwrap();
        assert!(gemini.prices.get(&gemini.name).is_some());
    }

    #[test]
    fn other_servers_and_other_defaults_are_other_variants() {
        let variant = |builder: Builder<crate::openai::Chat>| builder.build_model().unwrap().variant;
        let here = || OpenAi::builder("m").base_url("http://localhost:8000/v1?key=one");
        let warm = Settings {
            temperature: Some(1.0),
            ..Settings::default()
        };
        assert_eq!(variant(here()), variant(here().api_key("sk-other")));
        assert_eq!(
            variant(here()),
            variant(here().base_url("http://localhost:8000/v1?key=two"))
        );
        assert_ne!(
            variant(here()),
            variant(here().base_url("http://localhost:8001/v1"))
        );
        assert_ne!(variant(here()), variant(here().settings(warm)));
    }

    #[test]
    fn other_options_of_a_dialect_are_other_variants() {
        fn variant<D: Dialect>(builder: Builder<D>) -> Digest {
            builder.build_model().unwrap().variant
        }
        let chat = || OpenAi::builder("m");
        let chats = [
            variant(chat()),
            variant(chat().developer_role()),
            variant(chat().reasoning_model(true)),
        ];
        let items = || Responses::builder("m");
        let items = [
            variant(items()),
            variant(items().developer_role()),
            variant(items().reasoning_model(true)),
            variant(items().reasoning_summary("auto")),
            variant(items().reasoning_summary("detailed")),
        ];
        for all in [&chats[..], &items[..]] {
            for (at, one) in all.iter().enumerate() {
                assert!(!all[at + 1..].contains(one), "{at}");
            }
        }
        assert_eq!(
            variant(chat()),
            variant(chat().reasoning_model(false)),
            "as it was"
        );
        // Where the server keeps a prefix is the same answer.
        let messages = || Anthropic::builder("claude-sonnet-4-6");
        assert_eq!(variant(messages()), variant(messages().prompt_caching(false)));
    }
}
