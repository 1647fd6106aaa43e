//! The repository's own chores: `cargo xtask demo`, `cargo xtask test`, `cargo xtask soak`, `cargo xtask bench`,
//! `cargo xtask compare`, `cargo xtask tidy`.

mod bench;
mod compare;
mod demo;
mod setup;
mod sh;
mod soak;
mod test;
mod tidy;

use std::process::ExitCode;

const HELP: &str = "\
cargo xtask <command>

  demo     Compile a program on a real model and watch it get better. Options:
             --quick        a dozen rows only, to see that the way is whole
             --fresh        forget an earlier run instead of resuming it
             --dir PATH     where runs and models are kept (default: .dictum)
  test     Everything the project checks: format, clippy, tests, examples, licences, tidy, the soak, the local engine, the demo in short.
             --no-local     leave out what needs llama.cpp and a model
             --no-soak      leave out the soak
  soak     Drive many calls through every layer against a server that fails in every way known. A few minutes. Options:
             --calls N      how many (default: 100000)
             --seed S       which faults befall which call (default: 1)
  bench    Measure Dictum beside a bare client and DSPy, and write docs/benchmarks.md. Options:
             --quick        a few minutes, for a look only
             --no-dspy      leave DSPy out (it is installed under .dictum otherwise)
             --out PATH     write there instead
  compare  Compile two programs on a real model with every optimizer, and with DSPy's on the same model, rows and seeds. Hours; what
           is finished is kept, so it can be ended and started again at any time. Options:
             --list         only name the parts, and which are done
             --table        only write what there is into docs/optimizers.md
             --only PART    only parts with this in their name (TASK/SYSTEM/OPTIMIZER/SEED)
             --seeds N      seeds of each search (default: 3)
             --outcomes DIR where a file for each part is kept (default: docs/compare)
             --threads N    threads of the engine (default: all cores)
             --quick        a dozen rows only, to see that the way is whole
  tidy     Only the checks that read the repository.
  setup    Only install what the others need.
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let (command, options) = match args.split_first() {
        Some((command, options)) => (command.as_str(), options),
        None => ("help", &args[..]),
    };
    let result = match command {
        "bench" => bench::run(options),
        "compare" => compare::run(options),
        "demo" => demo::run(options),
        "test" => test::run(options),
        "soak" => soak::run(options),
        "tidy" => tidy::run(),
        "setup" => setup::local_engine(),
        "help" | "--help" | "-h" => {
            print!("{HELP}");
            Ok(())
        }
        other => Err(format!("there is no command `{other}`\n\n{HELP}")),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("\nxtask: {problem}");
            ExitCode::FAILURE
        }
    }
}
