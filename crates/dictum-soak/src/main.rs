//! The soak: a hundred thousand calls through the whole stack, against a server in a process of its own that fails in every way
//! known. Tells its figures, and ends with 1 when a bar was missed: every call ends in a right answer or a typed error, none
//! hangs past its deadline, none is lost or answered twice, memory stays flat, budgets are exact.
//!
//! `dictum-soak [--calls N] [--seed S]`. What befalls a call follows from the seed and the call's number.

mod call;
mod drive;
mod expect;
mod memory;
mod parts;
mod plan;
mod report;
mod serve;
mod server;
mod stack;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parts::Run;
use report::Report;
use server::Server;

const CALLS: u64 = 100_000;

#[derive(Debug)]
struct Args {
    calls: u64,
    seed: u64,
    /// This process is the server.
    serve: bool,
}

fn args() -> Result<Args, String> {
    let mut found = Args {
        calls: CALLS,
        seed: 1,
        serve: false,
    };
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        let mut number = || {
            args.next()
                .and_then(|text| text.parse().ok())
                .ok_or_else(|| format!("{arg} wants a number"))
        };
        match arg.as_str() {
            "--calls" => found.calls = number()?,
            "--seed" => found.seed = number()?,
            "--serve" => found.serve = true,
            _ => return Err(format!("no option `{arg}`; there are --calls N and --seed S")),
        }
    }
    if found.calls < 1000 {
        return Err("fewer than 1000 calls show nothing".to_owned());
    }
    Ok(found)
}

fn main() -> ExitCode {
    match args().and_then(|args| {
        if args.serve {
            serve::run(args.seed).map(|()| true)
        } else {
            soak(&args)
        }
    }) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(problem) => {
            eprintln!("dictum-soak: {problem}");
            ExitCode::FAILURE
        }
    }
}

/// Runs all parts. False when a bar was missed.
fn soak(args: &Args) -> Result<bool, String> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("no runtime: {error}"))?;
    let server = Server::start(args.seed)?;
    let report = Arc::new(Report::default());
    let begun = Instant::now();
    let part = |calls| Run {
        seed: args.seed,
        calls,
        server: &server,
        report: &report,
    };
    let (budget, outage, unreachable) = (args.calls / 20, args.calls / 10, args.calls / 500);
    runtime.block_on(async {
        parts::faults(part(args.calls - budget - outage - unreachable)).await?;
        parts::budget(part(budget)).await?;
        parts::outage(part(outage)).await?;
        parts::unreachable(part(unreachable)).await
    })?;
    // A resolver may still be waiting on a thread.
    runtime.shutdown_timeout(Duration::ZERO);
    report.part("All");
    report.figure("calls", args.calls);
    report.figure("seed", args.seed);
    report.figure("seconds", format!("{:.0}", begun.elapsed().as_secs_f64()));
    Ok(report.end())
}
