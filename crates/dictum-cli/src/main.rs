//! The `dictum` command. Everything a library user would want is in the library; here are only arguments and output.

mod args;
mod commands;
mod failure;
mod lm;
mod output;
mod program;

use std::process::ExitCode;

use clap::Parser;

use crate::args::{Cli, Command};

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version come as errors too, with exit code 0; usage errors exit with 2.
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

fn run(cli: Cli) -> Result<(), failure::Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| failure::Failure::work(format!("can't start: {error}")))?;
    let json = cli.json;
    runtime.block_on(async move {
        match cli.command {
            Command::Run(args) => commands::run::run(args, json).await,
            Command::Eval(args) => commands::eval::run(args, json).await,
            Command::Compile(args) => commands::compile::run(args, json).await,
            Command::Render(args) => commands::render::run(args, json),
            Command::Parse(args) => commands::parse::run(args),
            Command::State(args) => commands::state::run(args, json),
            Command::Models(args) => commands::models::run(args, json).await,
            Command::Cache(args) => commands::cache::run(args, json),
        }
    })
}
