//! What Dictum's own work costs, without a network: times by criterion, instructions by callgrind.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Plan, bar, built};
use crate::sh;

/// Cases with a bar, in microseconds.
const BARS: [(&str, f64); 2] = [
    ("Predict, flat types, 0 demos", 3.0),
    ("Predict, flat types, 64 demos", 6.0),
];

pub fn measure(plan: Plan) -> Result<String, String> {
    let seconds = plan.pick("1", "3");
    sh::run(
        "cargo",
        &[
            "bench",
            "--locked",
            "--package",
            "dictum-bench",
            "--bench",
            "in_process",
            "--",
            "--noplot",
            "--measurement-time",
            seconds,
        ],
    )?;
    let times = estimates()?;
    let counted = sh::exists("valgrind", "--version");
    let mut text = "\n## In process\n\nA model that answers at once, so that only Dictum's work is measured (criterion's medians).".to_owned();
    text += if counted {
        " Instructions are callgrind's, of one more run of the case.\n"
    } else {
        " Instructions are not counted: there is no valgrind on this machine.\n"
    };
    text += "\n| what | us | instructions |\n|---|--:|--:|\n";
    let cases = sh::output(&built("dictum-bench"), &["cases"])?;
    for name in cases.lines() {
        let us = times
            .iter()
            .find(|(own, _)| own == name)
            .map_or(f64::NAN, |(_, us)| *us);
        let count = if counted {
            instructions(name, plan)?.to_string()
        } else {
            String::new()
        };
        text += &format!("| {name} | {us:.2} | {count} |\n");
    }
    text += "\n";
    for (name, most) in BARS {
        if let Some((_, us)) = times.iter().find(|(own, _)| own == name) {
            text += &bar(name, format!("{us:.2} us"), &format!("{most:.0} us"), *us <= most);
        }
    }
    Ok(text)
}

/// What criterion wrote of each case: its name and its median in microseconds.
fn estimates() -> Result<Vec<(String, f64)>, String> {
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| sh::root().join("target"), PathBuf::from);
    let folder = target.join("criterion").join("in_process");
    let cases = std::fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let read = |path: &Path| -> Option<(String, f64)> {
        let json = |name: &str| std::fs::read_to_string(path.join("new").join(name)).ok();
        let (about, estimates) = (json("benchmark.json")?, json("estimates.json")?);
        // The chores have no dependencies; of these files of a known form, two values are needed.
        let name = after(&about, "\"function_id\":\"")?.split('"').next()?;
        let median = after(&estimates, "\"median\":")?;
        let nanoseconds = after(median, "\"point_estimate\":")?;
        let end = nanoseconds.find([',', '}'])?;
        Some((
            name.to_owned(),
            nanoseconds.get(..end)?.parse::<f64>().ok()? / 1e3,
        ))
    };
    Ok(cases.filter_map(|case| read(&case.ok()?.path())).collect())
}

fn after<'a>(text: &'a str, mark: &str) -> Option<&'a str> {
    Some(text.split_once(mark)?.1)
}

/// Instructions of one run of a case: the difference of two counts, so that starting and setting up are not in it.
fn instructions(case: &str, plan: Plan) -> Result<u64, String> {
    let (few, many) = plan.pick((5, 15), (20, 120));
    let count = |times: u64| -> Result<u64, String> {
        let output = Command::new("valgrind")
            .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
            .args([&built("dictum-bench"), "count", case, &times.to_string()])
            .output()
            .map_err(|error| format!("can't start valgrind: {error}"))?;
        let said = String::from_utf8_lossy(&output.stderr);
        after(&said, "Collected :")
            .and_then(|rest| rest.split_whitespace().next()?.parse().ok())
            .ok_or_else(|| format!("callgrind did not count `{case}`: {said}"))
    };
    Ok(count(many)?.saturating_sub(count(few)?) / (many - few))
}
