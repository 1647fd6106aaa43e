//! Runs that are killed at any moment, in a process of their own.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use std::{env, thread};

use dictum_optimize::Rng;

/// The folder of the run that is to be killed.
const DIR: &str = "DICTUM_KILLED_DIR";
/// What else it is told: an address, or a name.
const TOLD: &str = "DICTUM_KILLED_TOLD";

/// What the process of [`start`] was told; nothing in a test that nobody started so.
pub fn told() -> Option<(PathBuf, String)> {
    Some((env::var_os(DIR)?.into(), env::var(TOLD).ok()?))
}

/// Runs it to its end: the whole of what such a process does.
pub fn run<T>(what: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(what)
}

/// Starts one test of this binary as a process of its own.
pub fn start(test: &str, dir: impl AsRef<OsStr>, told: &str) -> Child {
    Command::new(env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(DIR, dir)
        .env(TOLD, told)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Starts a run until it ends by itself, and kills it before, each time some way on: at most `stride` of what `done` counts.
/// A little later than counted, so in the middle of a line as well as between. Returns how often it was killed.
pub fn until_done(
    rng: &mut Rng,
    stride: usize,
    start: impl Fn() -> Child,
    done: impl Fn() -> usize,
) -> usize {
    let mut kills = 0;
    loop {
        let at = done() + 1 + rng.below(stride);
        let mut child = start();
        loop {
            if let Some(status) = child.try_wait().unwrap() {
                assert!(status.success(), "a run failed after {kills} kills");
                return kills;
            }
            if done() > at {
                thread::sleep(Duration::from_micros(rng.below(3_000) as u64));
                child.kill().unwrap();
                child.wait().unwrap();
                kills += 1;
                break;
            }
            thread::sleep(Duration::from_micros(200));
        }
    }
}
