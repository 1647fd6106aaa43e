//! DSPy in an environment of its own, for the comparison only.

use std::process::Command;

use crate::sh;

pub const VERSION: &str = "3.4.1";

/// Where its Python is.
pub struct Dspy {
    pub python: String,
}

/// Installs DSPy from PyPI under `.dictum/dspy`, unless it is there; or says why it can't be compared with.
pub fn set_up() -> Result<Dspy, String> {
    if !sh::exists("python3", "--version") {
        return Err("there is no `python3` on this machine".to_owned());
    }
    let folder = sh::root().join(".dictum").join("dspy");
    let python = folder.join("bin").join("python").to_string_lossy().into_owned();
    let installed = || {
        let check = "import importlib.metadata as m; print(m.version('dspy'))";
        let output = Command::new(&python).args(["-c", check]).output();
        output.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).trim() == VERSION)
    };
    if !installed() {
        let folder = folder.to_string_lossy().into_owned();
        let package = format!("dspy=={VERSION}");
        sh::run("python3", &["-m", "venv", &folder])
            .and_then(|()| sh::run(&python, &["-m", "pip", "install", "--quiet", &package]))
            .map_err(|problem| format!("DSPy {VERSION} can't be installed: {problem}"))?;
        if !installed() {
            return Err(format!("DSPy {VERSION} is not there after it was installed"));
        }
    }
    Ok(Dspy { python })
}
