//! The score curve, as SVG.

use std::fmt::Write;

use super::text::{Scale, escape};
use super::{CandidateReport, Report};

const WIDTH: f64 = 880.0;
const HEIGHT: f64 = 300.0;
/// Room for the labels at the left and at the bottom.
const LEFT: f64 = 64.0;
const BOTTOM: f64 = 34.0;
const TOP: f64 = 14.0;

/// Candidates in the order they were tried: mean and 95 % interval of each, and the best so far as a line. Empty when
/// fewer than two were scored.
pub(super) fn curve(report: &Report, scale: Scale) -> String {
    let scored: Vec<(&CandidateReport, f64, f64, f64)> = report
        .candidates
        .iter()
        .filter(|candidate| candidate.complete)
        .filter_map(|candidate| {
            let score = candidate.score.as_ref()?;
            let mean = score.mean?;
            let (low, high) = score
                .interval
                .map_or((mean, mean), |interval| (interval.low, interval.high));
            Some((candidate, mean, low, high))
        })
        .collect();
    if scored.len() < 2 {
        return String::new();
    }
    let low = scored
        .iter()
        .map(|(_, _, low, _)| *low)
        .fold(f64::INFINITY, f64::min);
    let high = scored
        .iter()
        .map(|(_, _, _, high)| *high)
        .fold(f64::NEG_INFINITY, f64::max);
    let (low, high) = match scale {
        Scale::Percent => {
            // Four steps of whole twentieths.
            let low = (low * 20.0).floor() / 20.0;
            let step = (((high - low) * 5.0 - 1e-9).ceil() / 20.0).max(0.05);
            let high = (low + 4.0 * step).min(1.0);
            (high - 4.0 * step, high)
        }
        Scale::Plain => (low, high),
    };
    let span = if high > low { high - low } else { 1.0 };
    let x = |place: usize| LEFT + (place as f64 + 0.5) * (WIDTH - LEFT - 10.0) / scored.len() as f64;
    let y = |value: f64| TOP + (high - value) / span * (HEIGHT - TOP - BOTTOM);

    let mut svg = format!(
        "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"Score of each candidate on the validation set\">"
    );
    // Writing to a string can't fail.
    for step in 0..=4 {
        let value = low + span * f64::from(step) / 4.0;
        let _ = write!(
            svg,
            "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{}\" y1=\"{2:.1}\" y2=\"{2:.1}\"/><text class=\"axis\" x=\"{3}\" \
             y=\"{4:.1}\" text-anchor=\"end\">{1}</text>",
            WIDTH - 10.0,
            scale.show(value),
            y(value),
            LEFT - 8.0,
            y(value) + 4.0,
        );
    }
    let mut best = f64::NEG_INFINITY;
    let mut path = String::new();
    for (place, (_, mean, ..)) in scored.iter().enumerate() {
        if place > 0 {
            let _ = write!(path, "L{:.1} {:.1}", x(place), y(best));
        }
        best = best.max(*mean);
        let _ = write!(
            path,
            "{}{:.1} {:.1}",
            if place == 0 { "M" } else { "L" },
            x(place),
            y(best)
        );
    }
    let _ = write!(svg, "<path class=\"best\" d=\"{path}\"/>");
    for (place, (candidate, mean, low, high)) in scored.iter().enumerate() {
        let class = if candidate.label == report.best {
            "dot chosen"
        } else {
            "dot"
        };
        let _ = write!(
            svg,
            "<g><title>{}: {} {}</title><line class=\"whisker\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{:.1}\" \
             y2=\"{:.1}\"/><circle class=\"{class}\" cx=\"{x:.1}\" cy=\"{:.1}\" r=\"5\"/><text class=\"axis\" \
             x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\">{}</text></g>",
            escape(&candidate.label),
            scale.show(*mean),
            scale.interval(candidate.score.as_ref().and_then(|score| score.interval)),
            y(*low),
            y(*high),
            y(*mean),
            HEIGHT - 12.0,
            place + 1,
            x = x(place),
        );
    }
    svg.push_str("</svg>");
    svg
}
