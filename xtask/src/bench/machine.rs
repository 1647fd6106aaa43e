//! The head of the page: what was measured on what, and how to do it again.

use super::Plan;
use super::dspy::Dspy;
use crate::sh;

pub fn head(plan: Plan, dspy: Result<&Dspy, &String>) -> Result<String, String> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let rustc = sh::output("rustc", &["--version"])?;
    let mut versions = vec![format!("- {}", rustc.trim())];
    match dspy {
        Ok(dspy) => {
            let python = sh::output(&dspy.python, &["--version"])?;
            versions.push(format!("- DSPy {} on {}", super::dspy::VERSION, python.trim()));
        }
        Err(why) => versions.push(format!("- DSPy was not measured: {why}")),
    }
    let how = if plan.quick {
        "This was a quick run (`--quick`): few turns, for a look only."
    } else {
        "Peers take short turns side by side in one run, so that what else the machine does touches all alike; figures are medians \
         over the turns, ratios are medians of the ratios within each round."
    };
    Ok(format!(
        "# Benchmarks\n\nWritten by `cargo xtask bench`; run it to measure on your machine. `--quick` takes a few minutes, `--no-dspy` \
         leaves DSPy out. Figures of different runs or machines can't be compared, ratios within one can.\n\n{how}\n\n\
         - {cores} cores, {}, {} {}\n{}\n",
        cpu(),
        std::env::consts::OS,
        std::env::consts::ARCH,
        versions.join("\n"),
    ))
}

fn cpu() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        (name.trim() == "model name").then(|| value.trim().to_owned())
    });
    model.unwrap_or_else(|| "processor not known".to_owned())
}
