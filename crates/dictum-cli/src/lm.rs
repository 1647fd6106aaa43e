//! The model a command names, with its layers.

use std::path::Path;
use std::time::Duration;

use dictum_cache::DiskStore;
use dictum_core::lm::layers::{Cache, Retry, standard};
use dictum_core::lm::{Capabilities, Lm, Offline, Settings};
use dictum_core::program::{Context, predictors};
use dictum_providers::Providers;

use crate::args::LmArgs;
use crate::failure::Failure;
use crate::program::{self, Program};

/// The context a command's calls of a program are made in. It has the models that the program's file names, or this fails.
pub fn context_for(args: &LmArgs, program: &Program) -> Result<Context, Failure> {
    let ctx = context(args)?;
    ctx.check(&program.module)
        .map_err(|error| Failure::usage(format!("{error}; on the command line, with --lms")))?;
    Ok(ctx)
}

/// The context a command's calls are made in.
pub fn context(args: &LmArgs) -> Result<Context, Failure> {
    let adapter = program::adapter(&args.adapter)?;
    let lm = cached(args)?;
    let mut others = Vec::new();
    for name in &args.lms {
        others.push((name.clone(), cached(&args.named(name))?));
    }
    let settings = Settings {
        temperature: args.temperature,
        max_tokens: args.max_tokens,
        ..Settings::default()
    };
    Ok(Context::new(lm)
        .with_lms(others)
        .with_shared_adapter(adapter)
        .with_settings(&settings))
}

/// What a builder of a service makes, at this address if there is one. A key is read as [`is_keyed`] says.
macro_rules! connected {
    ($builder:ident, $address:expr, $variable:expr) => {{
        let address: Option<&str> = $address;
        let keyed = $crate::lm::is_keyed(address, $variable);
        let builder = match address {
            Some(url) => $builder.base_url(url),
            None => $builder,
        };
        let builder = match keyed {
            true => builder
                .api_key_from_env()
                .map_err($crate::failure::Failure::usage)?,
            false => builder,
        };
        builder.build().map_err($crate::failure::Failure::usage)
    }};
}
pub(crate) use connected;

/// The model with its cache, where there is one.
fn cached(args: &LmArgs) -> Result<Lm, Failure> {
    let lm = model(args)?;
    let Some(file) = &args.cache else {
        return Ok(lm);
    };
    not_another(file)?;
    Ok(lm.layer(Cache::new(DiskStore::open(file))))
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

/// The context to foresee in what a command's calls of a program would take: no model is there, only the names.
pub fn foreseeing(args: &LmArgs, program: &Program) -> Result<Context, Failure> {
    let adapter = program::adapter(&args.adapter)?;
    Ok(offline(&args.lm, &args.lms, program).with_shared_adapter(adapter))
}

/// A context whose models have the names of a command's and of the program's, and answer nothing: to render in, and to foresee.
pub fn offline(lm: &str, others: &[String], program: &Program) -> Context {
    let named = |name: &str| Lm::new(Offline::new(name, Capabilities::default()));
    let own = predictors(&program.module).into_iter();
    let own = own.filter_map(|(_, predictor)| predictor.state().lm.clone());
    let all = others.iter().cloned().chain(own);
    Context::new(named(lm)).with_lms(all.map(|name| (name.clone(), named(&name))))
}

fn model(args: &LmArgs) -> Result<Lm, Failure> {
    match args.lm.split_once('/').unwrap_or((args.lm.as_str(), "")) {
        ("local", _) if args.base_url.is_some() => Err(Failure::usage(
            "--base-url is for a remote --lm, such as openai/NAME; a local model runs in this process",
        )),
        ("local", name) => local(name, args),
        (service, _) => {
            Ok(remote(service, args)?
                .layer(standard().retry(Retry::new(4)).timeout(Duration::from_secs(600))))
        }
    }
}

fn remote(service: &str, args: &LmArgs) -> Result<Lm, Failure> {
    let named = match (Lm::parse(&args.lm), &args.base_url) {
        (Ok(named), _) => named,
        // The one service with more to read than a key.
        (Err(_), None) if service == "bedrock" => return Lm::from_env(&args.lm).map_err(Failure::usage),
        (Err(error), _) => {
            let message = error.message();
            return Err(Failure::usage(format!(
                "--lm {}: write `local`, `local/NAME` or a service and its model, such as `openai/NAME` ({message})",
                args.lm
            )));
        }
    };
    connected!(named, args.base_url.as_deref(), named.service().key_variable)
}

/// Whether a key is read for what is at this address: servers at home need none; a service's own does, and says so itself.
pub fn is_keyed(address: Option<&str>, variable: Option<&str>) -> bool {
    address.is_none() || variable.is_some_and(|variable| std::env::var_os(variable).is_some())
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
        "this dictum was built without the local engine; use a remote --lm such as openai/NAME, or install it with its default features",
    ))
}
