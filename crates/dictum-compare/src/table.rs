//! The table of the page, from what is there.

use std::fmt::Write as _;

use dictum::evaluate::stats::{Interval, mcnemar};

use crate::args::Args;
use crate::cells::{self, Cell, Optimizer, System};
use crate::interval;
use crate::outcome::Outcome;
use crate::plan::Plan;
use crate::tasks::Task;
use crate::{Or, say};

const PAGE: &str = "docs/optimizers.md";
const BEGIN: &str = "<!-- compare: begin (written by `cargo xtask compare --table`) -->";
const END: &str = "<!-- compare: end -->";

/// Writes the table between the marks of the page, and says what is missing.
pub(crate) fn write(args: &Args) -> Or<()> {
    let mut text = String::new();
    for task in Task::ALL {
        text += &of_task(args, task)?;
    }
    say(&text);
    let missing: Vec<String> = cells::all(args)
        .iter()
        .filter(|cell| !Outcome::file(args, cell).exists())
        .map(ToString::to_string)
        .collect();
    if !missing.is_empty() {
        say(&format!(
            "Not run yet ({}): {}",
            missing.len(),
            missing.join(", ")
        ));
    }
    if args.quick || args.only.is_some() {
        say("The page is left as it is: this is a part.");
        return Ok(());
    }
    let page = args.root.join(PAGE);
    let old = std::fs::read_to_string(&page)?;
    let (head, rest) = old
        .split_once(BEGIN)
        .ok_or(format!("{PAGE} has no line `{BEGIN}`"))?;
    let (_, tail) = rest
        .split_once(END)
        .ok_or(format!("{PAGE} has no line `{END}`"))?;
    std::fs::write(&page, format!("{head}{BEGIN}\n\n{text}{END}{tail}"))?;
    say(&format!("Written into {}", page.display()));
    Ok(())
}

fn of_task(args: &Args, task: Task) -> Or<String> {
    let plan = Plan::of(args, task);
    let mut text = format!(
        "**{}**: {} rows to learn from, {} to choose by, {} to measure on; {} calls to search.\n\n",
        task.title(),
        plan.train,
        plan.val,
        plan.test,
        plan.calls
    );
    text += "| | system | seeds | score | 95 % interval | each seed | above DSPy by | better than as it is | calls | tokens in | tokens out | seconds |\n";
    text += "|---|---|--:|--:|---|---|---|---|--:|--:|--:|--:|\n";
    for optimizer in Optimizer::ALL {
        for system in System::ALL {
            text += &row(args, task, system, optimizer)?;
        }
    }
    text.push('\n');
    Ok(text)
}

fn row(args: &Args, task: Task, system: System, optimizer: Optimizer) -> Or<String> {
    let cell = |optimizer: Optimizer| Cell {
        task,
        system,
        optimizer,
        seed: 1,
    };
    let baseline = Outcome::read(args, &cell(Optimizer::Baseline))?;
    let done = Outcome::of_every_seed(args, &cell(optimizer))?;
    let name = match system {
        System::Dictum => "Dictum",
        System::Dspy => "DSPy",
    };
    let mut line = format!("| {} | {name} ", optimizer.title());
    if done.is_empty() {
        line += "| 0 | not run | | | | | | | | |\n";
        return Ok(line);
    }
    let n = done.len() as f64;
    let mean = |of: &dyn Fn(&Outcome) -> f64| done.iter().map(of).sum::<f64>() / n;
    let points = |it: Interval, to: &str| format!("{:.1}{to}{:.1}", it.low * 100.0, it.high * 100.0);
    let interval = interval::of_mean(&done).map_or(String::new(), |it| points(it, " to "));
    let above = match system {
        System::Dspy => String::new(),
        System::Dictum => {
            let theirs = Cell {
                system: System::Dspy,
                ..cell(optimizer)
            };
            let theirs = Outcome::of_every_seed(args, &theirs)?;
            let of_theirs = theirs.iter().map(Outcome::score).sum::<f64>() / theirs.len().max(1) as f64;
            let difference = (mean(&Outcome::score) - of_theirs) * 100.0;
            interval::of_difference(&done, &theirs).map_or(String::new(), |it| {
                format!("{difference:+.1} [{}]", points(it, ", "))
            })
        }
    };
    let each: Vec<String> = done
        .iter()
        .map(|it| format!("{:.0}", it.score() * 100.0))
        .collect();
    let better = match &baseline {
        _ if optimizer.is_baseline() => String::new(),
        None => "?".to_owned(),
        Some(baseline) => {
            let gains = done.iter().filter(|it| gained(baseline, it)).count();
            format!("{gains} of {}", done.len())
        }
    };
    write!(
        line,
        "| {} | {:.1} % | {interval} | {} | {above} | {better} ",
        done.len(),
        mean(&Outcome::score) * 100.0,
        each.join(", ")
    )?;
    if optimizer.is_baseline() {
        line += "| | | | |\n";
    } else {
        writeln!(
            line,
            "| {:.0} | {:.0} | {:.0} | {:.0} |",
            mean(&|it| it.search.calls as f64),
            mean(&|it| it.search.tokens_in as f64),
            mean(&|it| it.search.tokens_out as f64),
            mean(&|it| it.search.seconds),
        )?;
    }
    Ok(line)
}

/// Whether the paired test (McNemar's, 5 %) says that the same test rows came out better.
fn gained(baseline: &Outcome, found: &Outcome) -> bool {
    let pairs = || baseline.scores.iter().zip(&found.scores);
    let wins = pairs().filter(|(a, b)| b > a).count();
    let losses = pairs().filter(|(a, b)| b < a).count();
    wins > losses && mcnemar(wins, losses) < 0.05
}
