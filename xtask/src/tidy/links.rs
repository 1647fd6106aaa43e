//! Links between Markdown files lead somewhere.

use std::path::{Component, Path, PathBuf};

use super::Source;
use crate::sh;

pub fn check(sources: &[Source]) -> Result<Vec<String>, String> {
    let mut problems = Vec::new();
    for source in sources.iter().filter(|source| source.path.ends_with(".md")) {
        for link in links(&source.text) {
            if link.contains("://") || link.starts_with("mailto:") {
                continue;
            }
            let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = if path.is_empty() {
                PathBuf::from(&source.path)
            } else {
                beside(&source.path, path)
            };
            if !sh::root().join(&target).exists() {
                problems.push(format!("{}: the link `{link}` leads nowhere", source.path));
            } else if !anchor.is_empty() {
                let target = target.to_string_lossy().replace('\\', "/");
                let headings = sources
                    .iter()
                    .find(|other| other.path == target)
                    .map(|other| headings(&other.text));
                if headings.is_some_and(|headings| !headings.iter().any(|heading| heading == anchor)) {
                    problems.push(format!(
                        "{}: `{link}` names a heading that is not there",
                        source.path
                    ));
                }
            }
        }
    }
    Ok(problems)
}

/// Targets of `[text](target)` outside code.
fn links(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut fenced = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        }
        if fenced {
            continue;
        }
        // Between backticks every second piece is code.
        for piece in line.split('`').step_by(2) {
            let mut rest = piece;
            while let Some((_, after)) = rest.split_once("](") {
                let Some((target, after)) = after.split_once(')') else {
                    break;
                };
                found.push(target.split_whitespace().next().unwrap_or(""));
                rest = after;
            }
        }
    }
    found
}

/// Headings as the anchors they get.
fn headings(text: &str) -> Vec<String> {
    let heading = |line: &str| {
        let words = line.trim_start_matches('#').trim().to_lowercase();
        let kept = words
            .chars()
            .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        kept.map(|c| if c == ' ' { '-' } else { c }).collect()
    };
    text.lines()
        .filter(|line| line.starts_with('#'))
        .map(heading)
        .collect()
}

fn beside(file: &str, path: &str) -> PathBuf {
    let folder = Path::new(file).parent().unwrap_or(Path::new(""));
    let mut target = PathBuf::new();
    for part in folder.join(path).components() {
        match part {
            Component::ParentDir => {
                target.pop();
            }
            Component::CurDir => {}
            other => target.push(other),
        }
    }
    target
}
