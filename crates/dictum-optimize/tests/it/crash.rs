//! `kill -9` at any moment: the resumed run gives the same program, and repeats no more calls than were in flight.

use std::fs;
use std::path::Path;

use dictum_core::lm::Budget;
use dictum_optimize::{BootstrapRandomSearch, Rng};

use crate::killed;
use crate::simulated::{Simulated, Steps, exact, examples, folder};

const CONCURRENCY: usize = 8;

/// The run that is killed: does nothing unless started by the test below.
#[test]
fn child() {
    let Some((dir, _)) = killed::told() else {
        return;
    };
    let lm = Simulated::new().jitter().log(dir.join("calls.log"));
    let search = BootstrapRandomSearch::new()
        .candidates(6)
        .rounds(2)
        .max_labeled(6)
        .seed(7)
        .budget(Budget::calls(700))
        .calls_per_rollout(6)
        .confirm_on(&examples("test", 20))
        .concurrency(CONCURRENCY)
        .keep_best_anyway()
        .run_dir(dir.join("run"));
    let (train, val) = (examples("train", 40), examples("val", 30));
    let ctx = lm.context();
    killed::run(search.compile(&ctx, &Steps::new(), &train, &val, exact())).unwrap();
}

fn calls(dir: &Path) -> usize {
    fs::read_to_string(dir.join("calls.log")).map_or(0, |log| log.lines().count())
}

#[test]
fn killed_runs_resume_to_the_same_program() {
    let whole = folder("crash-whole");
    let start = |dir: &Path| killed::start("crash::child", dir, "");
    assert!(start(&whole).wait().unwrap().success());
    let program = fs::read(whole.join("run/program.json")).unwrap();
    let all = calls(&whole);
    assert!(all > 600, "{all} calls are too few to be killed in");

    let mut kills = 0;
    let mut most = 0;
    for number in 0..12_u64 {
        let mut rng = Rng::of(&("crash", number));
        let dir = folder(&format!("crash-{number}"));
        let killed = killed::until_done(&mut rng, 300, || start(&dir), || calls(&dir));
        assert_eq!(
            fs::read(dir.join("run/program.json")).unwrap(),
            program,
            "{}",
            dir.display()
        );
        let repeated = calls(&dir) - all;
        assert!(
            repeated <= killed * CONCURRENCY,
            "{repeated} calls repeated after {killed} kills"
        );
        kills += killed;
        most = most.max(repeated);
    }
    eprintln!("{kills} kills of 12 runs of {all} calls, at most {most} calls repeated in a run");
    assert!(kills >= 12);
}
