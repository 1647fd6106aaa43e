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
    match overlay.iter().find(|(path, _)| !known.iter().any(|known| known == path)) {
        Some((path, _)) => Err(Error::input(
            path,
            format!("is no predictor of the program; it has `{}`", known.join("`, `")),
        )),
        None => Ok(()),
    }
}
