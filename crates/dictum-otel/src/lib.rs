//! OpenTelemetry for Dictum: what programs and models do, as traces and metrics sent to any collector that takes OTLP over
//! HTTP (the OpenTelemetry collector, Jaeger, Grafana, Langfuse, Honeycomb and so on).
//!
//! One line, held for as long as the program runs:
//!
//! ```no_run
//! # fn main() -> Result<(), dictum_otel::OtlpError> {
//! let _guard = dictum_otel::Otlp::new("http://localhost:4318").service("my-app").install()?;
//! # Ok(()) }
//! ```
//!
//! Or as a layer of your own subscriber:
//!
//! ```no_run
//! use tracing_subscriber::layer::SubscriberExt;
//! use tracing_subscriber::util::SubscriberInitExt;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let (layer, guard) = dictum_otel::Otlp::new("https://collector.example")
//!     .service("my-app")
//!     .bearer(std::env::var("COLLECTOR_TOKEN")?)
//!     .layer()?;
//! tracing_subscriber::registry().with(layer).try_init()?;
//! // ... the program ...
//! let delivery = guard.shutdown();
//! # let _ = delivery; Ok(()) }
//! ```
//!
//! # What is sent
//!
//! Spans of level INFO and above, whosever they are. Dictum's own, from the outside in: `compile` and `phase` (optimizers),
//! `rollout` (an example of an evaluation), `invoke_workflow NAME` (a module), `predict PATH` (a predictor) and `chat MODEL` (a
//! call of a model). The last carries the attributes of OpenTelemetry's conventions for generative AI: provider, model,
//! settings, finish reason, tokens, kind of error. Spans of calls need [`Tracing`] among the model's layers, which
//! [`standard`] puts there.
//!
//! Metrics, made of the same spans: the histograms `gen_ai.client.operation.duration` and `gen_ai.client.token.usage` (of
//! calls that reached a model), and the counters `dictum.client.calls`, `dictum.client.errors`, `dictum.client.retries` and
//! `dictum.client.cache_hits`.
//!
//! Nothing of what was said: no messages, no answers, no inputs. Who wants them in the spans says so where the spans are
//! made, with [`Tracing::with_content`]. Headers given here are sent and shown nowhere.
//!
//! # What can go wrong
//!
//! A collector that is slow, dead or refuses never blocks a call and never fails one. Spans wait in a queue with a bound
//! ([`Otlp::queue`]) that a thread of its own empties; what does not fit or can't be delivered is lost, counted, and told: to
//! [`Otlp::on_loss`] when it begins, and once more at the end. [`Guard::shutdown`], and dropping the guard, waits at most
//! [`Otlp::shutdown_timeout`].
//!
//! The environment is read by [`Otlp::from_env`] only.
//!
//! [`Tracing`]: https://docs.rs/dictum-core/latest/dictum_core/lm/layers/struct.Tracing.html
//! [`Tracing::with_content`]: https://docs.rs/dictum-core/latest/dictum_core/lm/layers/struct.Tracing.html#method.with_content
//! [`standard`]: https://docs.rs/dictum-core/latest/dictum_core/lm/layers/fn.standard.html

mod delivery;
mod env;
mod error;
mod export;
mod guard;
mod layer;
mod metrics;
mod otlp;
mod tls;
mod transport;

pub use delivery::Delivery;
pub use error::OtlpError;
pub use guard::Guard;
pub use layer::OtlpLayer;
pub use otlp::Otlp;
