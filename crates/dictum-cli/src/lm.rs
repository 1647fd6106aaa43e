//! The model a command names, with its layers.

use std::path::Path;
use std::time::Duration;

use dictum_cache::DiskStore;
use dictum_core::lm::layers::{Cache, Retry, standard};
use dictum_core::lm::{Capabilities, Lm, Offline, Settings};
use dictum_core::program::Context;
use dictum_providers::Providers;

use crate::args::LmArgs;
use crate::failure::Failure;
use crate::program;

/// The context a command's calls are made in.
pub fn context(args: &LmArgs) -> Result<Context, Failure> {
    let adapter = program::adapter(&args.adapter)?;
    let mut lm = model(args)?;
    if let Some(file) = &args.cache {
        not_another(file)?;
        lm = lm.layer(Cache::new(DiskStore::open(file)));
    }
    let settings = Settings {
        temperature: args.temperature,
        max_tokens: args.max_tokens,
        ..Settings::default()
    };
    Ok(Context::new(lm)
        .with_shared_adapter(adapter)
        .with_settings(&settings))
}

/// A store sets a file aside that is no cache. On a mistyped name that would take away a file of the user's.
fn not_another(file: &Path) -> Result<(), Failure> {
    use std::io::Read;

    let fail = |problem: &str| Err(Failure::usage(format!("--cache {}: {problem}", file.display())));
    if file.is_dir() {
        return fail("it is a folder; name a file");
    }
    let Ok(opened) = std::fs::File::open(file) else {
        return Ok(());
    };
    let mut head = Vec::new();
    opened.take(16).read_to_end(&mut head)?;
    if head.is_empty() || head == b"SQLite format 3\0" {
        return Ok(());
    }
    fail("it is no cache; name another file, or delete it if it once was one")
}

/// A context without a model, to render in.
pub fn offline() -> Context {
    Context::new(Lm::new(Offline::new("offline", Capabilities::default())))
}

fn model(args: &LmArgs) -> Result<Lm, Failure> {
    let (provider, name) = args.lm.split_once('/').unwrap_or((args.lm.as_str(), ""));
    match provider {
        "openai" if !name.is_empty() => openai(name, args),
        "local" if args.base_url.is_some() => Err(Failure::usage(
            "--base-url is for --lm openai/NAME; a local model runs in this process",
        )),
        "local" => local(name, args),
        _ => Err(Failure::usage(format!(
            "--lm {}: write `local`, `local/NAME` or `openai/NAME` (with --base-url for other servers that speak \
             OpenAI's chat completions)",
            args.lm
        ))),
    }
}

fn openai(name: &str, args: &LmArgs) -> Result<Lm, Failure> {
    let mut builder = Lm::openai(name);
    if let Some(url) = &args.base_url {
        builder = builder.base_url(url);
    }
    // Servers at home need no key; OpenAI's own does, and says so itself.
    if args.base_url.is_none() || std::env::var_os("OPENAI_API_KEY").is_some() {
        builder = builder.api_key_from_env().map_err(Failure::usage)?;
    }
    let layers = standard().retry(Retry::new(4)).timeout(Duration::from_secs(600));
    Ok(builder.build().map_err(Failure::usage)?.layer(layers))
}

#[cfg(feature = "local")]
fn local(name: &str, args: &LmArgs) -> Result<Lm, Failure> {
    use dictum_local::LocalModel;

    let mut builder = Lm::local();
    if !name.is_empty() {
        builder = builder.model(name);
    }
    if let Some(dir) = &args.models_dir {
        builder = builder.models_dir(dir);
    }
    builder.build().map_err(Failure::work)
}

#[cfg(not(feature = "local"))]
fn local(_: &str, _: &LmArgs) -> Result<Lm, Failure> {
    Err(Failure::usage(
        "this dictum was built without the local engine; use --lm openai/NAME, or install it with its default features",
    ))
}
