//! Evaluations for people.

use std::fmt::{self, Write};
use std::time::Duration;

use serde_json::Value;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::{Evaluation, Row, RowOutcome};
use crate::record::Record;

/// `{}`: `81.0 % [76.9, 84.6], 3 errors, 412k tokens`. `{:#}`: a report of several lines.
impl fmt::Display for Evaluation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if f.alternate() {
            return report(self, f);
        }
        f.write_str(&score(self))?;
        for (count, one, many) in [
            (self.failed(), "error", "errors"),
            (self.unjudged(), "row not judged", "rows not judged"),
            (self.not_run(), "row not run", "rows not run"),
        ] {
            match count {
                0 => {}
                1 => write!(f, ", 1 {one}")?,
                n => write!(f, ", {n} {many}")?,
            }
        }
        if self.cut_off() > 0 {
            write!(f, " ({})", cut_off(self))?;
        }
        match self.usage().total_tokens() {
            Some(tokens) => write!(f, ", {} tokens", thousands(tokens)),
            None => Ok(()),
        }
    }
}

/// That a budget ended on failing calls, and on which.
fn cut_off(evaluation: &Evaluation) -> String {
    let mut causes: Vec<&str> = Vec::new();
    for row in evaluation.rows() {
        if let RowOutcome::NotRun { after: Some(failure) } = &row.outcome
            && !causes.contains(&failure.cause.as_str())
        {
            causes.push(&failure.cause);
        }
    }
    let rows = rows(evaluation.cut_off());
    format!(
        "the budget went to calls that failed: {rows} cut off by {}",
        causes.join(", ")
    )
}

fn score(evaluation: &Evaluation) -> String {
    let scale = Scale::of(&evaluation.scores());
    let Some(mean) = evaluation.mean() else {
        return "no scores".to_owned();
    };
    match evaluation.interval() {
        Some(i) => format!(
            "{} [{}, {}]",
            scale.show(mean),
            scale.number(i.low),
            scale.number(i.high)
        ),
        None => scale.show(mean),
    }
}

/// Scores from 0 to 1 are shown as percent, others as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scale {
    Percent,
    Plain,
}

impl Scale {
    pub(super) fn of(scores: &[f64]) -> Self {
        if scores.iter().all(|score| (0.0..=1.0).contains(score)) {
            Self::Percent
        } else {
            Self::Plain
        }
    }

    pub(super) fn number(self, value: f64) -> String {
        match self {
            Self::Percent => format!("{:.1}", value * 100.0),
            Self::Plain => format!("{value:.3}"),
        }
    }

    pub(super) fn show(self, value: f64) -> String {
        match self {
            Self::Percent => format!("{} %", self.number(value)),
            Self::Plain => self.number(value),
        }
    }
}

fn report(evaluation: &Evaluation, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let counted = evaluation.counted();
    writeln!(f, "metric   {}", evaluation.metric())?;
    let score = score(evaluation);
    writeln!(f, "score    {score} on {} (95 % interval)", rows(counted))?;
    let total = evaluation.rows().len();
    if counted < total {
        let (unjudged, not_run) = (rows(evaluation.unjudged()), rows(evaluation.not_run()));
        writeln!(f, "left out {unjudged} not judged, {not_run} not run, of {total}")?;
    }
    if evaluation.failed() > 0 {
        let (failed, counts) = (rows(evaluation.failed()), evaluation.failure_score());
        writeln!(f, "failed   {failed}, counted as {counts}")?;
    }
    if evaluation.cut_off() > 0 {
        writeln!(f, "budget   {}", cut_off(evaluation))?;
    }
    for group in evaluation.errors() {
        writeln!(f, "  {} x {}", group.count, group.cause)?;
        for (id, message) in &group.examples {
            writeln!(f, "      {id}: {}", cut(&one_line(message), 160))?;
        }
    }
    write!(f, "calls    {}", evaluation.calls())?;
    let usage = evaluation.usage();
    if let Some(tokens) = usage.total_tokens() {
        let (input, output) = (usage.input_tokens.unwrap_or(0), usage.output_tokens.unwrap_or(0));
        let (all, input, output) = (thousands(tokens), thousands(input), thousands(output));
        write!(f, ", {all} tokens ({input} in, {output} out)")?;
    }
    if let Some(cost) = usage.cost_usd {
        write!(f, ", ${cost:.4}")?;
    }
    if let Some(latency) = evaluation.latency() {
        let [p50, p90, p99] = [latency.p50, latency.p90, latency.p99].map(time);
        write!(f, "\nlatency  p50 {p50}, p90 {p90}, p99 {p99}")?;
    }
    if !evaluation.elapsed().is_zero() {
        write!(f, "\ntook     {}", time(evaluation.elapsed()))?;
    }
    Ok(())
}

fn rows(n: usize) -> String {
    match n {
        1 => "1 row".to_owned(),
        n => format!("{n} rows"),
    }
}

fn thousands(n: u64) -> String {
    let (scaled, unit) = match n {
        0..1_000 => return n.to_string(),
        1_000..1_000_000 => (n as f64 / 1e3, "k"),
        _ => (n as f64 / 1e6, "M"),
    };
    match scaled {
        x if x < 9.95 => format!("{x:.1}{unit}"),
        x => format!("{x:.0}{unit}"),
    }
}

fn time(took: Duration) -> String {
    match took.as_secs_f64() {
        s if s < 1e-3 => format!("{:.0} us", s * 1e6),
        s if s < 1.0 => format!("{:.0} ms", s * 1e3),
        s if s < 60.0 => format!("{s:.1} s"),
        s => format!("{:.0} min {:02.0} s", (s / 60.0).floor(), (s % 60.0).floor()),
    }
}

impl Evaluation {
    /// The rows as a table for a terminal of `width` columns, the worst first: those that went wrong, then by score, then in
    /// the order of the data; at most `rows` of them. Control characters are shown as blanks.
    #[must_use]
    pub fn table(&self, rows: usize, width: usize) -> String {
        let mut order: Vec<(usize, &Row)> = self.rows().iter().enumerate().collect();
        let badness = |row: &Row| match row.error() {
            Some(_) => f64::NEG_INFINITY,
            None => row.score(self.failure_score()).unwrap_or(f64::INFINITY),
        };
        order.sort_by(|(_, a), (_, b)| badness(a).total_cmp(&badness(b)));
        let lines: Vec<[String; 5]> = order
            .into_iter()
            .take(rows)
            .map(|(place, row)| line(place, row))
            .collect();
        let heads = ["row", "score", "inputs", "labels", "output"].map(str::to_owned);
        grid(&heads, &lines, width)
    }
}

fn line(place: usize, row: &Row) -> [String; 5] {
    let (score, output) = match (row.error(), row.prediction()) {
        (Some((_, message)), _) => ("error".to_owned(), message.to_owned()),
        (None, Some(prediction)) => (row.score(0.0).map_or_else(String::new, plain), values(prediction)),
        (None, None) => ("not run".to_owned(), String::new()),
    };
    let cells = [
        (place + 1).to_string(),
        score,
        values(row.example.inputs()),
        values(row.example.labels()),
        output,
    ];
    cells.map(|cell| one_line(&cell))
}

/// A score as short as it is told with three decimals.
fn plain(score: f64) -> String {
    let text = format!("{score:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Values of a record; names only where there are several.
fn values(record: &Record) -> String {
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    if record.len() == 1 {
        return record.iter().map(|(_, value)| text(value)).collect();
    }
    let pairs: Vec<String> = record
        .iter()
        .map(|(name, value)| format!("{name}: {}", text(value)))
        .collect();
    pairs.join("; ")
}

/// Text on one line, without what would move a terminal's cursor or change its colours.
fn one_line(text: &str) -> String {
    let clean: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    clean.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Text cut to so many terminal columns.
fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut kept = String::new();
    let mut used = 0;
    for c in text.chars() {
        used += c.width().unwrap_or(0);
        if used + 1 > width {
            break;
        }
        kept.push(c);
    }
    kept.push('…');
    kept
}

/// The columns share what the first two leave of the width, none wider than it needs.
fn grid(heads: &[String; 5], lines: &[[String; 5]], width: usize) -> String {
    const GAP: &str = "  ";
    let mut widths = heads.each_ref().map(|head| head.width());
    for line in lines {
        for (width, cell) in widths.iter_mut().zip(line) {
            *width = (*width).max(cell.width());
        }
    }
    let [row, score, wide @ ..] = &mut widths;
    let mut room = width.saturating_sub(*row + *score + 4 * GAP.len());
    let mut narrowest: Vec<&mut usize> = wide.iter_mut().collect();
    narrowest.sort_by_key(|width| **width);
    let columns = narrowest.len();
    for (index, width) in narrowest.into_iter().enumerate() {
        *width = (*width).min((room / (columns - index)).max(6));
        room = room.saturating_sub(*width);
    }
    let mut text = String::new();
    for line in std::iter::once(heads).chain(lines) {
        let mut out = String::new();
        for (cell, width) in line.iter().zip(widths) {
            let cell = cut(cell, width);
            // Writing to a string can't fail.
            let _ = write!(out, "{cell}{}{GAP}", " ".repeat(width - cell.width().min(width)));
        }
        text.push_str(out.trim_end());
        text.push('\n');
    }
    text
}
