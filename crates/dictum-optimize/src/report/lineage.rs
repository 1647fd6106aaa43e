//! Which candidate came from which, and which is best at what.

use std::collections::BTreeMap;
use std::fmt::Write;

use dictum_core::Record;
use serde::{Deserialize, Serialize};

use super::text::{Scale, escape};
use super::{CandidateReport, Report};
use crate::strategy::Considered;

/// The best that was found for one example of the validation set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FrontRow {
    /// The example, by id.
    pub example: String,
    /// The best score.
    pub score: f64,
    /// The candidates that reached it, by id, in the order they were tried.
    pub candidates: Vec<String>,
    /// What the first of them gave; `None` where all failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<Record>,
}

/// The best of each example, in the order of the validation set; rows that count for no candidate are left out.
pub(super) fn front(candidates: &[Considered], failure_score: f64) -> Vec<FrontRow> {
    let rows = candidates.iter().map(|known| known.rows.len()).max().unwrap_or(0);
    let mut front = Vec::new();
    for place in 0..rows {
        let mut best: Option<FrontRow> = None;
        for known in candidates {
            let Some(Some(done)) = known.rows.get(place) else {
                continue;
            };
            let Some(score) = done.row.score(failure_score) else {
                continue;
            };
            let id = known.candidate.id().to_owned();
            match &mut best {
                Some(row) if score == row.score => row.candidates.push(id),
                Some(row) if score < row.score => {}
                _ => {
                    best = Some(FrontRow {
                        example: done.row.example.id().to_owned(),
                        score,
                        candidates: vec![id],
                        output: done.row.prediction().cloned(),
                    });
                }
            }
        }
        front.extend(best);
    }
    front
}

/// One line of the tree: how deep, the candidate, and its other parents.
struct Line<'a> {
    depth: usize,
    candidate: &'a CandidateReport,
    others: Vec<&'a str>,
}

/// The candidates below their first parents; empty when none has any.
fn tree(report: &Report) -> Vec<Line<'_>> {
    let all = &report.candidates;
    if all.iter().all(|known| known.parents.is_empty()) {
        return Vec::new();
    }
    let place = |id: &str| all.iter().position(|known| known.id == id);
    let mut children: BTreeMap<Option<usize>, Vec<usize>> = BTreeMap::new();
    for (at, known) in all.iter().enumerate() {
        let parent = known.parents.first().and_then(|id| place(id));
        // One that names itself or a later one as its parent is no child: the tree must end.
        children
            .entry(parent.filter(|parent| *parent < at))
            .or_default()
            .push(at);
    }
    let mut lines = Vec::new();
    let mut open: Vec<(usize, usize)> = Vec::new();
    let below = |parent: Option<usize>, depth: usize| {
        let places = children.get(&parent).into_iter().flatten().rev();
        places.map(|place| (*place, depth)).collect::<Vec<_>>()
    };
    open.extend(below(None, 0));
    while let Some((at, depth)) = open.pop() {
        let Some(candidate) = all.get(at) else { continue };
        let others = candidate.parents.iter().skip(1);
        let others = others
            .filter_map(|id| all.get(place(id)?))
            .map(|known| known.label.as_str());
        lines.push(Line {
            depth,
            candidate,
            others: others.collect(),
        });
        open.extend(below(Some(at), depth + 1));
    }
    lines
}

/// How many examples each candidate is best at, by id.
fn best_at(report: &Report) -> BTreeMap<&str, usize> {
    let mut counts = BTreeMap::new();
    for id in report.front.iter().flat_map(|row| &row.candidates) {
        *counts.entry(id.as_str()).or_insert(0) += 1;
    }
    counts
}

fn words(line: &Line<'_>, counts: &BTreeMap<&str, usize>, scale: Scale) -> String {
    let mut words = String::new();
    let mean = line.candidate.score.as_ref().and_then(|score| score.mean);
    if let Some(mean) = mean {
        words.push_str(&scale.show(mean));
    }
    let best = counts.get(line.candidate.id.as_str()).copied().unwrap_or(0);
    words.push_str(&format!(", best at {best}"));
    if !line.others.is_empty() {
        words.push_str(&format!(", also from {}", line.others.join(" and ")));
    }
    words
}

/// The tree for a terminal.
pub(super) fn text(report: &Report) -> String {
    let counts = best_at(report);
    let mut text = String::new();
    for line in tree(report) {
        let indent = "  ".repeat(line.depth);
        let _ = writeln!(
            text,
            "{indent}{}  {}",
            line.candidate.label,
            words(&line, &counts, Scale::Plain)
        );
    }
    text
}

/// The tree for a page.
pub(super) fn html(page: &mut String, report: &Report, scale: Scale) {
    let lines = tree(report);
    if lines.is_empty() {
        return;
    }
    let counts = best_at(report);
    page.push_str(
        "<section><h2>Lineage</h2><p class=\"dim\">Which candidate was made from which, its score, and at how many examples it \
         is among the best.</p><ul class=\"tree\">",
    );
    for line in &lines {
        let chosen = if line.candidate.label == report.best {
            " class=\"chosen\""
        } else {
            ""
        };
        let _ = write!(
            page,
            "<li{chosen} style=\"margin-left:{}em\">{} <span class=\"dim\">{}</span></li>",
            line.depth * 2,
            escape(&line.candidate.label),
            escape(&words(line, &counts, scale))
        );
    }
    page.push_str("</ul></section>");
}

/// How wide the picture of the matrix is, and how much of that its labels take.
const WIDTH: f64 = 880.0;
const LABELS: f64 = 170.0;
const ROW: f64 = 16.0;
/// How many letters of a label.
const LETTERS: usize = 24;
/// How many candidates and examples it shows.
const MOST: (usize, usize) = (60, 400);

/// Which candidate is how good at which example.
pub(super) fn matrix(page: &mut String, report: &Report, scale: Scale) {
    let scored: Vec<(usize, &CandidateReport)> = report
        .candidates
        .iter()
        .enumerate()
        .filter(|(_, known)| !known.scores.is_empty())
        .collect();
    let columns = scored
        .iter()
        .map(|(_, known)| known.scores.len())
        .max()
        .unwrap_or(0)
        .min(MOST.1);
    if scored.len() < 2 || columns == 0 {
        return;
    }
    let all = || {
        scored
            .iter()
            .flat_map(|(_, known)| &known.scores)
            .copied()
            .flatten()
    };
    let (low, high) = match scale {
        Scale::Percent => (0.0, 1.0),
        Scale::Plain => (
            all().fold(f64::INFINITY, f64::min),
            all().fold(f64::NEG_INFINITY, f64::max),
        ),
    };
    let span = if high > low { high - low } else { 1.0 };
    let rows = scored.len().min(MOST.0);
    let cell = ((WIDTH - LABELS) / columns as f64).min(ROW);
    let height = rows as f64 * ROW;
    let mean = report.front.iter().map(|row| row.score).sum::<f64>() / report.front.len().max(1) as f64;
    let _ = write!(
        page,
        "<section><h2>Candidates by example</h2><p class=\"dim\">Each column is an example of the validation set; the fuller, the \
         better. The best answers of all candidates together make {}.</p><svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" \
         aria-label=\"Score of each candidate on each example\">",
        scale.show(mean)
    );
    for (row, (place, known)) in scored.iter().take(rows).enumerate() {
        let y = row as f64 * ROW;
        // Numbered as in the table of candidates: labels that are cut off can look alike.
        let label = format!("{} {}", place + 1, known.label);
        let _ = write!(
            page,
            "<text class=\"axis\" x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{}<title>{}</title></text>",
            LABELS - 8.0,
            y + ROW - 4.0,
            escape(&cut(&label)),
            escape(&known.label)
        );
        for (column, score) in known.scores.iter().take(columns).enumerate() {
            let x = LABELS + column as f64 * cell;
            let (class, fill) = match score {
                Some(score) => ("cell", 0.08 + 0.92 * (score - low) / span),
                None => ("cell none", 1.0),
            };
            let _ = write!(
                page,
                "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{:.1}\" fill-opacity=\"{fill:.2}\"/>",
                (cell - 0.6).max(0.4),
                ROW - 2.0
            );
        }
    }
    page.push_str("</svg></section>");
}

/// As much of a label as there is room for.
fn cut(label: &str) -> String {
    match label.char_indices().nth(LETTERS) {
        Some((end, _)) => format!("{}…", label.get(..end).unwrap_or_default().trim_end()),
        None => label.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(id: &str, parents: &[&str]) -> CandidateReport {
        CandidateReport {
            id: id.into(),
            label: format!("<{id}>"),
            demos: 0,
            complete: true,
            score: None,
            parents: parents.iter().map(|id| (*id).to_owned()).collect(),
            scores: vec![Some(1.0), None],
            cost: None,
        }
    }

    fn report(candidates: Vec<CandidateReport>) -> Report {
        let front = vec![FrontRow {
            example: "e".into(),
            score: 1.0,
            candidates: vec!["b".into(), "c".into()],
            output: None,
        }];
        Report::for_tests(candidates, front)
    }

    #[test]
    fn children_stand_below_their_first_parent() {
        let all = [
            ("a", vec![]),
            ("b", vec!["a"]),
            ("c", vec!["a"]),
            ("d", vec!["b"]),
            ("e", vec!["c", "d"]),
        ];
        let report = report(all.iter().map(|(id, parents)| candidate(id, parents)).collect());
        assert_eq!(
            text(&report),
            "<a>  , best at 0\n  <b>  , best at 1\n    <d>  , best at 0\n  <c>  , best at 1\n    <e>  , best at 0, also from <d>\n"
        );
        let mut page = String::new();
        html(&mut page, &report, Scale::Percent);
        matrix(&mut page, &report, Scale::Percent);
        assert!(page.contains("&lt;e&gt;") && !page.contains("<e>"), "{page}");
        assert_eq!(page.matches("<rect").count(), 10);
    }

    #[test]
    fn a_parent_that_comes_later_makes_no_circle() {
        let report = report(vec![candidate("a", &["b"]), candidate("b", &["a"])]);
        assert_eq!(tree(&report).len(), 2);
    }
}
