//! DSPy's side: its own process, the same models behind `dictum serve-lm`.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use dictum::prelude::*;
use serde_json::{Value, json};

use crate::Or;
use crate::args::Args;
use crate::cells::Cell;
use crate::outcome::Outcome;
use crate::plan::{self, Plan};

/// A server that ends with its owner.
struct Server {
    child: Child,
    url: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    fn start(args: &Args, models: &[&str]) -> Or<Self> {
        let mut command = Command::new(&args.dictum);
        command.args(["serve-lm", "--port", "0", "--json"]);
        command.args(["--context", &plan::CONTEXT.to_string()]);
        for model in models {
            command.args(["--model", model]);
        }
        if let Some(threads) = args.threads {
            command.args(["--threads", &threads.to_string()]);
        }
        if let Some(folder) = &args.models {
            command.arg("--models-dir").arg(folder);
        }
        let child = command
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("can't start `{}`: {error}", args.dictum))?;
        let mut server = Self {
            child,
            url: String::new(),
        };
        let out = server
            .child
            .stdout
            .take()
            .ok_or("the server's output can't be read")?;
        let mut line = String::new();
        BufReader::new(out).read_line(&mut line)?;
        let told: Value = serde_json::from_str(&line)
            .map_err(|error| format!("`dictum serve-lm` said `{}`: {error}", line.trim()))?;
        server.url = told
            .get("url")
            .and_then(Value::as_str)
            .ok_or("no address")?
            .to_owned();
        Ok(server)
    }
}

fn rows(examples: &[Example]) -> Value {
    let row = |example: &Example| {
        let fields = example.inputs().iter().chain(example.labels().iter());
        Value::Object(
            fields
                .map(|(name, value)| (name.to_owned(), json!(value)))
                .collect(),
        )
    };
    examples.iter().map(row).collect()
}

/// Runs a cell.
pub(crate) fn run(args: &Args, cell: &Cell) -> Or<Outcome> {
    let data = cell.task.data(args, cell.seed)?;
    let mut models = vec![plan::TASK_MODEL];
    if cell.optimizer.proposes() {
        models.push(plan::PROPOSER);
    }
    let server = Server::start(args, &models)?;
    let plan = Plan::of(args, cell.task);
    let arguments = match cell.optimizer.name() {
        "random-search" => json!({"candidates": plan.random}),
        "mipro" => json!({"candidates": plan.choices, "trials": plan.trials}),
        "gepa" => json!({"rollouts": plan.rollouts}),
        "simba" => json!({"batch": plan.batch, "candidates": plan.candidates, "steps": plan.steps}),
        _ => Value::Null,
    };
    let job = json!({
        "task": cell.task.name(),
        "optimizer": cell.optimizer.name(),
        "seed": cell.seed,
        "args": arguments,
        "url": server.url,
        "models": {"task": plan::TASK_MODEL, "proposer": plan::PROPOSER},
        "limits": {"task_tokens": plan::TASK_TOKENS, "proposer_tokens": plan::PROPOSER_TOKENS},
        "demos": {"bootstrapped": plan::BOOTSTRAPPED, "labeled": plan::LABELED},
        "threads": plan::CONCURRENCY,
        "adapter": cell.optimizer.adapter(),
        "train": rows(&data.train),
        "val": rows(&data.val),
        "test": rows(&data.test),
    });
    let (asked, told) = (
        args.runs.join(cell.file_name("job")),
        args.runs.join(cell.file_name("dspy")),
    );
    std::fs::write(&asked, serde_json::to_string(&job)?)?;
    let status = Command::new(&args.python)
        .arg(args.root.join("scripts/dspy/compare.py"))
        .args([&asked, &told])
        .status()
        .map_err(|error| format!("can't start `{}`: {error}", args.python))?;
    if !status.success() {
        return Err(format!("DSPy ended with {status}").into());
    }
    let mut outcome: Outcome = serde_json::from_str(&std::fs::read_to_string(&told)?)?;
    outcome.settings = arguments;
    if outcome.scores.len() != data.test.len() {
        return Err(format!("DSPy scored {} rows of {}", outcome.scores.len(), data.test.len()).into());
    }
    for file in [asked, told] {
        std::fs::remove_file(file)?;
    }
    Ok(outcome)
}
