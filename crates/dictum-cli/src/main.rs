//! The `dictum` command. Everything a library user would want is in the library; here are only arguments and output.

// A binary has no outside: `pub` marks what other modules of it use.
#![allow(unreachable_pub)]

mod args;
mod commands;
mod embedder;
mod failure;
mod lm;
mod output;
mod program;
#[cfg(feature = "local")]
mod serve_lm;
mod trace;

use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;

use crate::args::{Cli, Command};
use crate::failure::Failure;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version come as errors too, with exit code 0; usage errors exit with 2.
            let wrong =
                error.use_stderr() && error.kind() != ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand;
            if wrong && std::env::args_os().any(|arg| arg == "--json") {
                let text = error.to_string();
                return Failure::usage(text.trim_end().trim_start_matches("error: ")).report(true);
            }
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    let json = cli.json;
    match run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(json),
    }
}

fn run(cli: Cli) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::work(format!("can't start: {error}")))?;
    let json = cli.json;
    let result = runtime.block_on(async move {
        match cli.command {
            Command::Run(args) => interruptible(commands::run::run(args, json)).await,
            Command::Eval(args) => interruptible(commands::eval::run(args, json)).await,
            // Ctrl-C ends it with the best so far.
            Command::Compile(args) => commands::compile::run(*args, json).await,
            // Ends by itself on Ctrl-C: that is its ordinary end.
            #[cfg(feature = "local")]
            Command::ServeLm(args) => serve_lm::run(args, json).await,
            Command::Models(args) => interruptible(commands::models::run(args, json)).await,
            // These wait for nothing but standard input, where the system's own Ctrl-C is right.
            Command::Render(args) => commands::render::run(args, json),
            Command::Parse(args) => commands::parse::run(args),
            Command::Inspect(args) => commands::inspect::run(&args, json),
            Command::Runs(args) => commands::runs::run(args, json),
            Command::State(args) => commands::state::run(args, json),
            Command::Cache(args) => commands::cache::run(args, json),
        }
    });
    // A thread that fetches a model would hold up the end after Ctrl-C.
    runtime.shutdown_background();
    result
}

/// The work, unless Ctrl-C ends it: dropping it cancels the calls in flight.
async fn interruptible(work: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    tokio::select! {
        // The signal first: it must be waited for before the work makes its first call.
        biased;
        Ok(()) = tokio::signal::ctrl_c() => Err(Failure::interrupted("interrupted")),
        result = work => result,
    }
}
