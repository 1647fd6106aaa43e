//! Score against price: which candidates are worth what they cost.

use std::fmt::Write;

use super::text::{Scale, escape};
use super::{CandidateReport, Report};
use crate::cost::{MeanCost, Objective};
use crate::front::on_front;

const WIDTH: f64 = 880.0;
const HEIGHT: f64 = 320.0;
/// Room for the labels.
const LEFT: f64 = 64.0;
const RIGHT: f64 = 24.0;
const BOTTOM: f64 = 40.0;
const TOP: f64 = 14.0;

/// A candidate with what is known of it.
struct Point<'a> {
    candidate: &'a CandidateReport,
    cost: MeanCost,
    score: f64,
    price: f64,
    front: bool,
}

/// The candidates scored in full, cheapest first, with what their prices are compared by; nothing when there are fewer than
/// two.
fn points(report: &Report, by: Option<Objective>) -> (Objective, Vec<Point<'_>>) {
    let scored: Vec<(&CandidateReport, MeanCost, f64)> = report
        .candidates
        .iter()
        .filter(|known| known.complete)
        .filter_map(|known| Some((known, known.cost?, known.score.as_ref()?.mean?)))
        .collect();
    let by = by.unwrap_or_else(|| Objective::common(scored.iter().map(|(_, cost, _)| cost)));
    let mut points: Vec<Point<'_>> = scored
        .into_iter()
        .filter_map(|(candidate, cost, score)| {
            Some(Point {
                candidate,
                cost,
                score,
                price: cost.get(by)?,
                front: false,
            })
        })
        .collect();
    let plain: Vec<(f64, f64)> = points.iter().map(|point| (point.score, point.price)).collect();
    for (point, front) in points.iter_mut().zip(on_front(&plain)) {
        point.front = front;
    }
    points.sort_by(|a, b| a.price.total_cmp(&b.price).then(b.score.total_cmp(&a.score)));
    if points.len() < 2 {
        points.clear();
    }
    (by, points)
}

/// Latency in words; nothing where it was not measured.
fn latency(cost: &MeanCost) -> String {
    let seconds = cost.seconds.map(|seconds| Objective::Latency.show(seconds));
    seconds.unwrap_or_default()
}

/// The front for a terminal: a line per candidate that is on it.
pub(super) fn text(report: &Report) -> String {
    let (by, points) = points(report, None);
    let front: Vec<&Point<'_>> = points.iter().filter(|point| point.front).collect();
    let width = front
        .iter()
        .map(|point| point.candidate.label.chars().count())
        .max();
    let mut text = String::new();
    for point in front {
        let _ = writeln!(
            text,
            "  {:width$}  {:.3}  {:>14}  {}",
            point.candidate.label,
            point.score,
            by.show(point.price),
            latency(&point.cost),
            width = width.unwrap_or(0)
        );
    }
    text.lines()
        .fold(String::new(), |text, line| text + line.trim_end() + "\n")
}

/// The pictures and the table for a page.
pub(super) fn html(page: &mut String, report: &Report, scale: Scale) {
    let (by, all) = points(report, None);
    if all.is_empty() {
        return;
    }
    let _ = write!(
        page,
        "<section><h2>Score and price</h2><p class=\"dim\">Each candidate on the validation set by its score and its {} per \
         example, judges left out. The line is the front: no other candidate has as high a score for as little.</p>{}",
        by.name(),
        scatter(report, by, &all, scale)
    );
    let (_, timed) = points(report, Some(Objective::Latency));
    if !timed.is_empty() {
        let _ = write!(
            page,
            "<p class=\"dim\">The same by seconds per example, as measured in this run, with as much at once as it did.</p>{}",
            scatter(report, Objective::Latency, &timed, scale)
        );
    }
    page.push_str(
        "<div class=\"wide\"><table><thead><tr><th>candidate</th><th class=\"n\">score</th><th class=\"n\">price</th>\
         <th class=\"n\">tokens</th><th class=\"n\">calls</th><th class=\"n\">latency</th><th></th></tr></thead><tbody>",
    );
    let unknown = || "unknown".to_owned();
    for point in &all {
        let cost = &point.cost;
        let _ = write!(
            page,
            "<tr{}><td>{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{:.2}</td>\
             <td class=\"n\">{}</td><td>{}</td></tr>",
            chosen(report, point, " class=\"chosen\""),
            escape(&point.candidate.label),
            scale.show(point.score),
            cost.usd.map_or_else(unknown, |usd| Objective::Money.show(usd)),
            cost.tokens.map_or_else(unknown, |tokens| format!("{tokens:.0}")),
            cost.calls,
            latency(cost),
            if point.front { "front" } else { "" },
        );
    }
    page.push_str("</tbody></table></div></section>");
}

fn chosen(report: &Report, point: &Point<'_>, class: &'static str) -> &'static str {
    if point.candidate.label == report.best {
        class
    } else {
        ""
    }
}

/// Score over price, as SVG.
fn scatter(report: &Report, by: Objective, points: &[Point<'_>], scale: Scale) -> String {
    let range = |of: fn(&Point<'_>) -> f64| {
        let values = points.iter().map(of);
        let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
            (low.min(value), high.max(value))
        });
        (low, high)
    };
    let (least, most) = range(|point| point.score);
    // A little room above and below; all the same is a line in the middle.
    let room = if most > least { (most - least) * 0.1 } else { 0.05 };
    let (low, high) = match scale {
        // No room for scores that there are not.
        Scale::Percent => ((least - room).max(0.0), (most + room).min(1.0)),
        Scale::Plain => (least - room, most + room),
    };
    // Prices begin at nothing: only then do distances tell how much one costs of another.
    let (_, dearest) = range(|point| point.price);
    let dearest = if dearest > 0.0 { dearest * 1.05 } else { 1.0 };
    let x = |price: f64| LEFT + price / dearest * (WIDTH - LEFT - RIGHT);
    let y = |score: f64| TOP + (high - score) / (high - low) * (HEIGHT - TOP - BOTTOM);
    let mut svg = format!(
        "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"Score of each candidate by its {}\">",
        by.name()
    );
    for step in 0..=4 {
        let part = f64::from(step) / 4.0;
        let (score, price) = (low + (high - low) * part, dearest * part);
        let _ = write!(
            svg,
            "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{}\" y1=\"{1:.1}\" y2=\"{1:.1}\"/><text class=\"axis\" x=\"{2}\" y=\"{3:.1}\" \
             text-anchor=\"end\">{4}</text><text class=\"axis\" x=\"{5:.1}\" y=\"{6}\" text-anchor=\"{8}\">{7}</text>",
            WIDTH - RIGHT,
            y(score),
            LEFT - 8.0,
            y(score) + 4.0,
            scale.show(score),
            x(price),
            HEIGHT - 12.0,
            by.show(price),
            // The last one would stand out of the picture.
            if step == 4 { "end" } else { "middle" },
        );
    }
    let mut path = String::new();
    let mut reached: Option<f64> = None;
    for point in points.iter().filter(|point| point.front) {
        match reached {
            None => {
                let _ = write!(path, "M{:.1} {:.1}", x(point.price), y(point.score));
            }
            // As much as the last one gives until the price of this one is paid.
            Some(score) => {
                let _ = write!(
                    path,
                    "L{:.1} {:.1}L{0:.1} {:.1}",
                    x(point.price),
                    y(score),
                    y(point.score)
                );
            }
        }
        reached = Some(point.score);
    }
    let _ = write!(svg, "<path class=\"best\" d=\"{path}\"/>");
    for point in points {
        let _ = write!(
            svg,
            "<circle class=\"dot{}\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"{}\"><title>{}: {} for {}</title></circle>",
            chosen(report, point, " chosen"),
            x(point.price),
            y(point.score),
            if point.front { 6 } else { 4 },
            escape(&point.candidate.label),
            scale.show(point.score),
            by.show(point.price),
        );
    }
    svg.push_str("</svg>");
    svg
}

#[cfg(test)]
mod tests {
    use dictum_core::evaluate::Evaluation;

    use super::*;

    fn candidate(label: &str, mean: f64, usd: Option<f64>) -> CandidateReport {
        let mut score = Evaluation::from_rows("exact", Vec::new(), 0.0).summary();
        score.mean = Some(mean);
        CandidateReport {
            id: label.into(),
            label: label.into(),
            demos: 0,
            complete: true,
            score: Some(score),
            parents: Vec::new(),
            scores: Vec::new(),
            cost: Some(MeanCost {
                usd,
                tokens: Some(10.0 * mean),
                calls: 1.0,
                seconds: Some(0.5),
            }),
        }
    }

    #[test]
    fn the_front_is_shown_by_what_all_have() {
        let mut report = Report::for_tests(
            vec![
                candidate("dear", 0.9, Some(0.004)),
                candidate("<silly>", 0.7, Some(0.005)),
                candidate("cheap", 0.8, Some(0.001)),
            ],
            Vec::new(),
        );
        assert_eq!(
            text(&report),
            "  cheap  0.800        $0.00100  500.0 ms\n  dear   0.900        $0.00400  500.0 ms\n"
        );
        let mut page = String::new();
        html(&mut page, &report, Scale::Percent);
        assert!(page.contains("&lt;silly&gt;") && !page.contains("<silly>"));
        assert_eq!(page.matches("<circle").count(), 6, "by money and by time");
        assert_eq!(page.matches("<td>front</td>").count(), 2);
        // One price that is not known: tokens then, by which `<silly>` is the cheapest.
        report.candidates.push(candidate("local", 0.95, None));
        assert!(text(&report).contains("tokens"), "{}", text(&report));
        assert!(text(&report).starts_with("  <silly>"));
        report.candidates.truncate(1);
        assert_eq!(text(&report), "");
    }
}
