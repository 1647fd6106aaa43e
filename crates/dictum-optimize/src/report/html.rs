//! The report as one page without outside parts.

use std::fmt::Write;

use dictum_core::evaluate::{Evaluation, Row};
use dictum_core::state::line_diff;

use super::text::{Scale, brief, escape, thousands};
use super::{CandidateReport, Pair, Report, chart, front, lineage};
use crate::compiled::Outcome;

const STYLE: &str = include_str!("style.css");

/// How many rows the page shows; the rest is in `report.json`.
const ROWS: usize = 500;

/// The page. Writing to a string can't fail, so what `write!` gives is not looked at.
pub(super) fn page(report: &Report) -> String {
    let scale = scale(report);
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width, initial-scale=1\"><title>{} run</title><style>{STYLE}</style></head><body><main>",
        escape(&report.optimizer)
    );
    head(&mut page, report, scale);
    let curve = chart::curve(report, scale);
    if !curve.is_empty() {
        let _ = write!(
            page,
            "<section><h2>Score by candidate</h2><p class=\"dim\">Mean on the validation set with its 95 % interval, in the \
             order of trying; the line is the best so far.</p>{curve}</section>"
        );
    }
    candidates(&mut page, report, scale);
    front::html(&mut page, report, scale);
    lineage::html(&mut page, report, scale);
    lineage::matrix(&mut page, report, scale);
    phases(&mut page, report);
    prompts(&mut page, report);
    if let Some((name, pair)) = shown(report) {
        rows(&mut page, name, pair, scale);
    }
    page.push_str("</main></body></html>\n");
    page
}

/// The pair the outcome rests on.
fn shown(report: &Report) -> Option<(&'static str, &Pair)> {
    let test = report.test.as_ref().map(|pair| ("test set", pair));
    test.or_else(|| report.validation.as_ref().map(|pair| ("validation set", pair)))
}

fn scale(report: &Report) -> Scale {
    let pairs = [&report.validation, &report.test].into_iter().flatten();
    Scale::of(
        pairs
            .flat_map(|pair| [&pair.baseline, &pair.best])
            .flat_map(Evaluation::scores),
    )
}

fn head(page: &mut String, report: &Report, scale: Scale) {
    let (class, badge) = match report.outcome {
        Outcome::Improved => ("good", "improved"),
        Outcome::Cheaper => ("good", "cheaper"),
        Outcome::NoSignificantGain => ("flat", "no significant gain"),
        Outcome::Worse => ("bad", "worse"),
        Outcome::Unmeasured => ("flat", "not measured"),
    };
    let _ = write!(
        page,
        "<header><h1>{} <span class=\"badge {class}\">{badge}</span></h1><p class=\"dim\">{} &middot; metric {} &middot; seed \
         {}</p><p class=\"summary\">{}</p></header>",
        escape(&report.optimizer),
        escape(&report.lm),
        escape(&report.metric),
        report.seed,
        escape(&report.summary),
    );
    if let Some((name, pair)) = shown(report) {
        page.push_str("<section class=\"cards\">");
        for (title, evaluation) in [("As it was", &pair.baseline), ("Best candidate", &pair.best)] {
            card(page, title, evaluation, name, scale);
        }
        page.push_str("</section>");
    }
    if !report.reasons.is_empty() {
        page.push_str("<section><h2>Why this way</h2><ul>");
        for reason in &report.reasons {
            let _ = write!(page, "<li>{}</li>", escape(reason));
        }
        page.push_str("</ul></section>");
    }
    if !report.notes.is_empty() {
        page.push_str("<section><h2>Notes</h2><ul>");
        for note in &report.notes {
            let _ = write!(page, "<li>{}</li>", escape(note));
        }
        page.push_str("</ul></section>");
    }
}

fn card(page: &mut String, title: &str, evaluation: &Evaluation, name: &str, scale: Scale) {
    let mean = evaluation
        .mean()
        .map_or_else(|| "not run".to_owned(), |mean| scale.show(mean));
    let _ = write!(
        page,
        "<div class=\"card\"><h3>{title}</h3><p class=\"figure\">{mean}</p><p class=\"dim\">{} on {} rows of the {name}</p>",
        scale.interval(evaluation.interval()),
        evaluation.counted(),
    );
    for group in evaluation.errors() {
        let first = group.examples.first().map_or("", |(_, message)| message.as_str());
        let _ = write!(
            page,
            "<p class=\"error\" title=\"{}\">{} &times; {}</p>",
            escape(first),
            group.count,
            escape(&group.cause)
        );
    }
    if evaluation.not_run() > 0 {
        let _ = write!(
            page,
            "<p class=\"error\">{} rows not run</p>",
            evaluation.not_run()
        );
    }
    page.push_str("</div>");
}

fn candidates(page: &mut String, report: &Report, scale: Scale) {
    page.push_str(
        "<section><h2>Candidates</h2><div class=\"wide\"><table><thead><tr><th>#</th><th>candidate</th><th class=\"n\">demos</th>\
         <th class=\"n\">score</th><th class=\"n\">95 % interval</th><th class=\"n\">failed</th><th class=\"n\">calls</th>\
         <th></th></tr></thead><tbody>",
    );
    for (place, candidate) in report.candidates.iter().enumerate() {
        let CandidateReport {
            label,
            demos,
            score,
            complete,
            ..
        } = candidate;
        let score = score.as_ref();
        let mean = score
            .and_then(|score| score.mean)
            .map_or_else(String::new, |mean| scale.show(mean));
        let mut marks = Vec::new();
        if *label == report.best {
            marks.push("best");
        }
        if *label == report.kept {
            marks.push("kept");
        }
        if score.is_some() && !complete {
            marks.push("not scored in full");
        }
        let _ = write!(
            page,
            "<tr{}><td class=\"n\">{}</td><td>{}</td><td class=\"n\">{demos}</td><td class=\"n\">{mean}</td>\
             <td class=\"n dim\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td>{}</td></tr>",
            if *label == report.best {
                " class=\"chosen\""
            } else {
                ""
            },
            place + 1,
            escape(label),
            scale.interval(score.and_then(|score| score.interval)),
            score.map_or_else(String::new, |score| (score.failed + score.unjudged).to_string()),
            score.map_or_else(String::new, |score| score.calls.to_string()),
            marks.join(", "),
        );
    }
    page.push_str("</tbody></table></div></section>");
}

fn prompts(page: &mut String, report: &Report) {
    page.push_str("<section><h2>Prompts, before and after</h2><p class=\"dim\">What is the same in every call of a predictor.</p>");
    for prompts in &report.prompts {
        let same = prompts.before == prompts.after;
        let _ = write!(
            page,
            "<details{}><summary>{}{}</summary><pre>",
            if same { "" } else { " open" },
            escape(&prompts.path),
            if same { " (unchanged)" } else { "" }
        );
        for line in line_diff(&prompts.before, &prompts.after).lines() {
            let class = match line.chars().next() {
                Some('+') => "add",
                Some('-') => "del",
                _ => "same",
            };
            let _ = write!(page, "<span class=\"{class}\">{}\n</span>", escape(line));
        }
        page.push_str("</pre></details>");
    }
    page.push_str("</section>");
}

fn rows(page: &mut String, name: &str, pair: &Pair, scale: Scale) {
    let both: Vec<(&Row, &Row)> = pair.baseline.rows().iter().zip(pair.best.rows()).collect();
    let failure = pair.baseline.failure_score();
    let count = |is: fn(f64, f64) -> bool| {
        let scores = both
            .iter()
            .filter_map(|(a, b)| Some((a.score(failure)?, b.score(failure)?)));
        scores.filter(|(a, b)| is(*a, *b)).count()
    };
    let _ = write!(
        page,
        "<section><h2>Rows of the {name}</h2><p class=\"dim\">{} better, {} worse, {} the same.{}</p><div class=\"wide\">\
         <table class=\"rows\"><thead><tr><th>input</th><th>expected</th><th></th><th>as it was</th><th></th><th>best \
         candidate</th><th class=\"n\"></th></tr></thead><tbody>",
        count(|a, b| b > a),
        count(|a, b| b < a),
        count(|a, b| b == a),
        if both.len() > ROWS {
            format!(" The first {ROWS} are shown.")
        } else {
            String::new()
        },
    );
    for (a, b) in both.iter().take(ROWS) {
        let class = match (a.score(failure), b.score(failure)) {
            (Some(a), Some(b)) if b > a => "better",
            (Some(a), Some(b)) if b < a => "worse",
            _ => "",
        };
        let _ = write!(
            page,
            "<tr class=\"{class}\"><td>{}</td><td>{}</td>",
            escape(&brief(a.example.inputs(), 160)),
            escape(&brief(a.example.labels(), 80))
        );
        for row in [a, b] {
            let (words, score) = match (row.error(), row.prediction()) {
                (Some((cause, message)), _) => (
                    format!(
                        "<span class=\"error\" title=\"{}\">{}</span>",
                        escape(message),
                        escape(cause)
                    ),
                    row.score(failure),
                ),
                (None, Some(prediction)) => (escape(&brief(prediction, 120)), row.score(failure)),
                (None, None) => ("<span class=\"dim\">not run</span>".to_owned(), None),
            };
            let score = match score {
                Some(score) if score == 1.0 && scale == Scale::Percent => {
                    "<span class=\"right\">&#10003;</span>".to_owned()
                }
                Some(score) if score == 0.0 && scale == Scale::Percent => {
                    "<span class=\"wrong\">&#10007;</span>".to_owned()
                }
                Some(score) => format!("{score:.2}"),
                None => String::new(),
            };
            let _ = write!(page, "<td class=\"n\">{score}</td><td>{words}</td>");
        }
        page.push_str("</tr>");
    }
    page.push_str("</tbody></table></div></section>");
}

fn phases(page: &mut String, report: &Report) {
    page.push_str(
        "<section><h2>What it took</h2><table><thead><tr><th>phase</th><th class=\"n\">rollouts</th><th class=\"n\">from the \
         journal</th><th class=\"n\">failed</th><th class=\"n\">calls</th><th class=\"n\">tokens</th><th class=\"n\">seconds</th>\
         </tr></thead><tbody>",
    );
    let unknown = || "unknown".to_owned();
    let mut known = report.spent.tokens > 0;
    for phase in &report.phases {
        let tokens = phase.usage.total_tokens();
        known |= tokens.is_some();
        let _ = write!(
            page,
            "<tr><td>{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td>\
             <td class=\"n\">{}</td><td class=\"n\">{:.1}</td></tr>",
            escape(&phase.name),
            phase.rollouts,
            phase.replayed,
            phase.failed,
            thousands(phase.calls),
            tokens.map_or_else(unknown, thousands),
            phase.seconds
        );
    }
    let _ = write!(
        page,
        "</tbody><tfoot><tr><td>in all</td><td></td><td></td><td></td><td class=\"n\">{}</td><td class=\"n\">{}</td>\
         <td></td></tr></tfoot></table></section>",
        thousands(report.spent.calls),
        if known {
            thousands(report.spent.tokens)
        } else {
            unknown()
        }
    );
}
