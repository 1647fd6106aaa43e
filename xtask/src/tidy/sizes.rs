//! A hand-written source file stays below 600 lines, or stands in the list with a reason.

use super::Source;

const MOST: usize = 600;

/// Longer files, with the reason.
const LONGER: [(&str, &str); 0] = [];

pub fn check(sources: &[Source]) -> Result<Vec<String>, String> {
    let mut problems = Vec::new();
    for source in sources.iter().filter(|source| source.path.ends_with(".rs")) {
        let lines = source.text.lines().count();
        let listed = LONGER.iter().any(|(path, _)| *path == source.path);
        if lines > MOST && !listed {
            problems.push(format!(
                "{}: {lines} lines; split it, or list it in {} with a reason",
                source.path,
                file!()
            ));
        }
        if lines <= MOST && listed {
            problems.push(format!(
                "{}: listed as long, has {lines} lines; take it off the list",
                source.path
            ));
        }
    }
    for (path, _) in LONGER {
        if !sources.iter().any(|source| source.path == path) {
            problems.push(format!("{path}: listed as long, and not there"));
        }
    }
    Ok(problems)
}
