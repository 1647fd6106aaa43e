//! `dictum serve-lm`: models in process, served as OpenAI's API serves its own.
//!
//! Requests are read ([`chat`], [`embeddings`]), given to the models, and answers written ([`answer`], [`error`]); what is
//! listened for and how it ends is here. A client that goes away drops its request's future, and with it what is computed for it.

mod answer;
mod chat;
mod embeddings;
mod error;
mod models;
mod routes;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::json;
use tokio::net::TcpListener;

use crate::args::ServeArgs;
use crate::failure::Failure;
use crate::output;

use self::error::ApiError;
use self::models::Models;
use self::routes::router;

/// How long answers that are under way have after Ctrl-C.
const GRACE: Duration = Duration::from_secs(10);

/// Loads the models and serves them until Ctrl-C.
pub async fn run(args: ServeArgs, json: bool) -> Result<(), Failure> {
    let address = (args.host.as_str(), args.port);
    // Before the models are loaded: a port that is taken should show at once.
    let listener = TcpListener::bind(address)
        .await
        .map_err(|error| Failure::work(format!("can't listen at {}:{}: {error}", args.host, args.port)))?;
    let at = listener.local_addr()?;
    let limit = args.max_body_mb.saturating_mul(1 << 20);
    let load = tokio::task::spawn_blocking(move || Models::load(&args));
    let models = tokio::select! {
        loaded = load => loaded.map_err(Failure::work)??,
        () = stopped() => return Ok(()),
    };
    tell(at, &models, json)?;
    serve(listener, models, limit).await
}

fn tell(at: SocketAddr, models: &Models, json: bool) -> Result<(), Failure> {
    let url = format!("http://{at}/v1");
    if json {
        // On one line, for programs that wait for it.
        let names: Vec<&str> = models.names().collect();
        return output::print(&json!({"url": url, "models": names}).to_string());
    }
    let names = models.names().collect::<Vec<_>>().join(", ");
    output::print(&format!("{url} serves {names}; Ctrl-C ends it"))
}

/// Serves until Ctrl-C. Then nothing new begins, and what is under way is finished, unless that takes long or Ctrl-C comes again.
async fn serve(listener: TcpListener, models: Models, limit: usize) -> Result<(), Failure> {
    let (stop, stopping) = tokio::sync::oneshot::channel();
    let server = axum::serve(listener, router(models, limit)).with_graceful_shutdown(async {
        // A sender that was dropped means the same.
        let _ = stopping.await;
    });
    let mut server = tokio::spawn(server.into_future());
    tokio::select! {
        ended = &mut server => return ended.map_err(Failure::work)?.map_err(Failure::from),
        () = stopped() => {}
    }
    let _ = stop.send(());
    tokio::select! {
        _ = &mut server => {}
        () = stopped() => {}
        () = tokio::time::sleep(GRACE) => {}
    }
    Ok(())
}

/// Ctrl-C, or what service managers send in its place.
async fn stopped() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};

        if let Ok(mut end) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = end.recv() => {}
            }
            return;
        }
    }
    let _ = tokio::signal::ctrl_c().await;
}

/// A body, which must be JSON of this form.
fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    serde_json::from_slice(bytes).map_err(|error| {
        let message = format!("the body is not what this address takes: {error}");
        ApiError::new(axum::http::StatusCode::BAD_REQUEST, message)
    })
}
