//! Where calls go and by what means: what every builder sets alike.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use dictum_core::lm::{LmError, LmErrorKind};
use percent_encoding::percent_decode_str;
use url::Url;

use crate::http::{Endpoints, Http, HttpOptions};
use crate::{Prices, Secret};

/// What a builder is told of the server and the way there.
#[derive(Debug, Clone)]
pub(crate) struct Connection {
    /// The environment variable that usually holds the key.
    pub(crate) key_variable: &'static str,
    pub(crate) base_url: Option<String>,
    pub(crate) api_key: Option<Secret>,
    pub(crate) prices: Option<Prices>,
    pub(crate) http: HttpOptions,
    /// What the address says before its host: `user:password@`.
    userinfo: Option<Secret>,
}

impl Connection {
    pub(crate) fn new(key_variable: &'static str) -> Self {
        Self {
            key_variable,
            base_url: None,
            api_key: None,
            prices: None,
            http: HttpOptions::default(),
            userinfo: None,
        }
    }

    /// The address, the provider's own unless another was given, and the prices that hold there.
    pub(crate) fn place(&mut self, own: &str) -> Result<(Url, Prices), LmError> {
        let mut base = parse(self.base_url.as_deref().unwrap_or(own))?;
        self.userinfo = take_userinfo(&mut base);
        let prices = self.prices.take().unwrap_or_else(|| Prices::at(&base, own));
        Ok((base, prices))
    }

    /// The client. `authorize` gives the header that carries a key.
    pub(crate) fn open(
        mut self,
        endpoints: Endpoints,
        public: &[(&'static str, &'static str)],
        authorize: impl FnOnce(&Secret) -> (&'static str, Secret),
    ) -> Result<Http, LmError> {
        // A later header of the same name stands in the place of an earlier one: what was said for itself counts most.
        let userinfo = self.userinfo.map(|value| ("authorization", value));
        let of_key = self.api_key.as_ref().map(authorize);
        let first = userinfo.into_iter().chain(of_key);
        let first = first.map(|(name, value)| (name.to_owned(), value));
        self.http.headers.splice(0..0, first);
        Http::new(endpoints, public, self.http)
    }
}

/// An address to stand before the dialect's own part. It may hold a key, so no message quotes it.
fn parse(base: &str) -> Result<Url, LmError> {
    let wrong = |message: String| LmError::new(LmErrorKind::InvalidRequest, message);
    let mut url = Url::parse(base).map_err(|error| wrong(format!("the base URL is not one: {error}")))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err(wrong(
            "the base URL must begin with http:// or https:// and name a host".to_owned(),
        ));
    }
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty();
    }
    Ok(url)
}

/// Takes user and password out of an address, as the header they are sent in.
fn take_userinfo(url: &mut Url) -> Option<Secret> {
    let password = url.password().map(percent_decode_str);
    let password: Vec<u8> = password.into_iter().flatten().collect();
    let mut told: Vec<u8> = percent_decode_str(url.username()).collect();
    if told.is_empty() && password.is_empty() {
        return None;
    }
    told.push(b':');
    told.extend(password);
    // Only an address without a host has no place for them.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    Some(Secret::new(format!("Basic {}", STANDARD.encode(told))))
}

/// The methods of a builder that fill its `connection`. It has a `name` for its errors.
macro_rules! connection_setters {
    () => {
        /// Another server, or another version of the API: the address up to and without the part that names the call, such as
        /// `http://localhost:8000/v1`. A query (`?api-version=...`) is kept; `user:password@` is sent as basic authorization,
        /// unless the key goes into the same header. Default: the provider's own.
        #[must_use]
        pub fn base_url(mut self, url: impl Into<String>) -> Self {
            self.connection.base_url = Some(url.into());
            self
        }

        /// The key, sent in the header that the dialect has for it. Servers on one's own machine usually need none.
        #[must_use]
        pub fn api_key(mut self, key: impl Into<crate::Secret>) -> Self {
            self.connection.api_key = Some(key.into());
            self
        }

        /// The key from the provider's usual environment variable, `OPENAI_API_KEY` say, read now.
        ///
        /// # Errors
        /// [`LmErrorKind::Auth`](dictum_core::lm::LmErrorKind::Auth) when the variable is not set or empty.
        pub fn api_key_from_env(self) -> Result<Self, dictum_core::lm::LmError> {
            let key = crate::env::key(self.connection.key_variable)
                .map_err(|error| error.with_model(self.name()))?;
            Ok(self.api_key(key))
        }

        /// One more header with each call. Its value is taken to be secret: it never shows.
        #[must_use]
        pub fn header(mut self, name: impl Into<String>, value: impl Into<crate::Secret>) -> Self {
            self.connection
                .http
                .headers
                .push((name.into(), value.into()));
            self
        }

        /// What calls cost, where the provider does not say it. Default: [`Prices::bundled`](crate::Prices::bundled) at the
        /// provider's own address; at another, where a model of the same name may cost something else or nothing, none.
        #[must_use]
        pub fn prices(mut self, prices: crate::Prices) -> Self {
            self.connection.prices = Some(prices);
            self
        }

        /// The most time to connect, 10 s by default. The call's own time is its deadline's matter, and for an LM the
        /// [`Timeout`](dictum_core::lm::layers::Timeout) layer's.
        #[must_use]
        pub fn connect_timeout(mut self, time: std::time::Duration) -> Self {
            self.connection.http.connect_timeout = Some(time);
            self
        }

        /// The longest whole answer that is read, in bytes, 64 MiB by default; and of a stream, the most it may bring in all.
        #[must_use]
        pub fn max_body(mut self, bytes: usize) -> Self {
            self.connection.http.max_body = Some(bytes);
            self
        }

        /// Trusts certificates of this authority too, beside those the system trusts: for a server of one's own. PEM, one
        /// certificate or several. Building fails with
        /// [`LmErrorKind::InvalidRequest`](dictum_core::lm::LmErrorKind::InvalidRequest) when there is none in it.
        #[must_use]
        pub fn root_certificate(mut self, pem: impl Into<Vec<u8>>) -> Self {
            self.connection.http.roots.push(pem.into());
            self
        }

        /// Goes through the proxy that the environment or the system names (`HTTPS_PROXY`, `NO_PROXY` and so on), with its user
        /// and password where it has any. It must speak HTTP or HTTPS; calls fail with
        /// [`LmErrorKind::Transport`](dictum_core::lm::LmErrorKind::Transport) where it speaks SOCKS. Default: none.
        #[must_use]
        pub fn proxy_from_env(mut self) -> Self {
            self.connection.http.proxy_from_env = true;
            self
        }
    };
}
pub(crate) use connection_setters;
