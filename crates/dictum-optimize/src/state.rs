//! Program states as files.

use dictum_core::error::{Error, Result};
use dictum_core::program::{Overlay, Parameters, predictors};

/// The states of a program as JSON, the same bytes for the same states.
pub(crate) fn bytes<P: Parameters + ?Sized>(program: &P, overlay: &Overlay) -> Result<Vec<u8>> {
    check(program, overlay)?;
    let mut bytes = serde_json::to_vec_pretty(overlay).map_err(Error::program)?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// Checks that a program has the predictors of an overlay.
pub(crate) fn check<P: Parameters + ?Sized>(program: &P, overlay: &Overlay) -> Result<()> {
    let known: Vec<String> = predictors(program).into_iter().map(|(path, _)| path).collect();
    match overlay
        .iter()
        .find(|(path, _)| !known.iter().any(|known| known == path))
    {
        Some((path, _)) => Err(Error::input(
            path,
            format!("is no predictor of the program; it has `{}`", known.join("`, `")),
        )),
        None => Ok(()),
    }
}

/// The lines of two texts with what was taken out and put in.
pub(crate) fn line_diff(old: &str, new: &str) -> String {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    let start = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let rest = old.len().min(new.len()) - start;
    let end = old
        .iter()
        .rev()
        .zip(new.iter().rev())
        .take(rest)
        .take_while(|(a, b)| a == b)
        .count();
    let part = |lines: &[&str], from: usize, to: usize, sign: &str| -> String {
        let lines = lines.get(from..to).unwrap_or_default();
        lines.iter().map(|line| format!("{sign} {line}\n")).collect()
    };
    [
        part(&old, 0, start, " "),
        part(&old, start, old.len() - end, "-"),
        part(&new, start, new.len() - end, "+"),
        part(&old, old.len() - end, old.len(), " "),
    ]
    .concat()
}
