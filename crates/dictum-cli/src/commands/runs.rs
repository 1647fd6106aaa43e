//! `dictum runs`: what run folders hold.

use std::path::Path;

use dictum_core::evaluate::{Evaluation, compare};
use dictum_core::lm::Digest;
use dictum_optimize::{Report, RunRecord};
use serde_json::{Value, json};

use crate::args::{RunsArgs, RunsCommand};
use crate::failure::Failure;
use crate::output;

/// Lists, shows, compares, exports.
pub fn run(args: RunsArgs, json: bool) -> Result<(), Failure> {
    match args.command {
        RunsCommand::List { folder } => list(&folder, json),
        RunsCommand::Show { folder } => {
            let report = report(&folder)?;
            if json {
                return output::print_json(&json!(report));
            }
            output::print(&report.to_string())
        }
        RunsCommand::Compare { first, second } => comparison(&first, &second, json),
        RunsCommand::Export { folder, out } => export(&folder, &out, json),
    }
}

fn list(folder: &Path, json: bool) -> Result<(), Failure> {
    if !folder.is_dir() {
        return Err(Failure::work(format!(
            "{}: there is no such folder",
            folder.display()
        )));
    }
    let runs = RunRecord::find(folder);
    if json {
        let runs: Vec<Value> = runs
            .iter()
            .map(|run| {
                let report = run.report.as_ref();
                json!({
                    "folder": run.folder,
                    "optimizer": run.optimizer,
                    "seed": run.facts.get("seed"),
                    "rollouts": run.rollouts,
                    "ended": report.is_some(),
                    "outcome": report.map(|report| report.outcome),
                    "score": report.and_then(score),
                    "calls": report.map(|report| report.spent.calls),
                })
            })
            .collect();
        return output::print_json(&json!(runs));
    }
    if runs.is_empty() {
        return output::print(&format!("no runs in {} and below", folder.display()));
    }
    let lines: Vec<String> = runs
        .iter()
        .map(|run| {
            let found = match &run.report {
                Some(report) => {
                    let score = score(report)
                        .map_or_else(String::new, |score| format!(", best {:.1} %", score * 100.0));
                    format!(
                        "{}{score}, {} calls",
                        json!(report.outcome).as_str().unwrap_or_default(),
                        report.spent.calls
                    )
                }
                None => format!("not ended, {} rollouts so far", run.rollouts),
            };
            let seed = run.facts.get("seed").map(Value::to_string).unwrap_or_default();
            format!("{}  {} seed {seed}: {found}", run.folder.display(), run.optimizer)
        })
        .collect();
    output::print(&lines.join("\n"))
}

/// The best candidate where it was measured last: on the test set, else on the validation set.
fn measured(report: &Report) -> Option<(&'static str, &Evaluation)> {
    let test = report.test.as_ref().map(|pair| ("test", &pair.best));
    test.or_else(|| report.validation.as_ref().map(|pair| ("validation", &pair.best)))
}

fn score(report: &Report) -> Option<f64> {
    measured(report).and_then(|(_, evaluation)| evaluation.mean())
}

fn report(folder: &Path) -> Result<Report, Failure> {
    let run = RunRecord::read(folder)?;
    run.report.ok_or_else(|| {
        Failure::work(format!(
            "{}: the run has not ended ({} rollouts so far); run its `dictum compile` again to go on",
            folder.display(),
            run.rollouts
        ))
    })
}

fn comparison(first: &Path, second: &Path, json: bool) -> Result<(), Failure> {
    let (one, other) = (report(first)?, report(second)?);
    let pair = [
        ("test", &one.test, &other.test),
        ("validation", &one.validation, &other.validation),
    ];
    let common = pair.into_iter().find_map(|(set, a, b)| {
        let (a, b) = (&a.as_ref()?.best, &b.as_ref()?.best);
        let compared = compare(a, b);
        (compared.rows > 0).then_some((set, a, b, compared))
    });
    let Some((set, a, b, compared)) = common else {
        return Err(Failure::work(
            "the runs were measured on no example in common: there is nothing to compare",
        ));
    };
    if a.metric() != b.metric() {
        return Err(Failure::work(format!(
            "the runs were measured by different metrics: {} and {}",
            a.metric(),
            b.metric()
        )));
    }
    if json {
        return output::print_json(&json!({
            "set": set,
            "comparison": compared,
            "calls": [one.spent.calls, other.spent.calls],
        }));
    }
    let same = Digest::of(&one.prompts) == Digest::of(&other.prompts);
    let mut lines = vec![
        format!("{}: {}, {} calls", first.display(), one.best, one.spent.calls),
        format!(
            "{}: {}, {} calls",
            second.display(),
            other.best,
            other.spent.calls
        ),
        format!("the second against the first on the {set} set: {compared}"),
    ];
    if set == "validation" {
        lines.push("Both were chosen on these rows, so the figures are higher than on new data.".to_owned());
    }
    if same {
        lines.push("Both found the same prompts.".to_owned());
    }
    output::print(&lines.join("\n"))
}

fn export(folder: &Path, out: &Path, json: bool) -> Result<(), Failure> {
    let report = report(folder)?;
    let what = match output::ending(out) {
        Some("json") => {
            std::fs::copy(folder.join("program.json"), out)
                .map_err(|error| Failure::work(format!("{}: {error}", out.display())))?;
            "the program"
        }
        Some("html") => {
            report.save_html(out)?;
            "the report"
        }
        Some("csv" | "jsonl") => {
            let (_, rows) = measured(&report).ok_or_else(|| {
                Failure::work("the run measured its best candidate on nothing: there are no rows")
            })?;
            output::rows(rows, out)?;
            "the rows of the best candidate"
        }
        _ => {
            return Err(Failure::usage(format!(
                "--out {}: end its name in .json for the program, .html for the report, .csv or .jsonl for the rows",
                out.display()
            )));
        }
    };
    if json {
        return output::print_json(&json!({"wrote": what, "out": out}));
    }
    output::print(&format!("wrote {what} to {}", out.display()))
}
