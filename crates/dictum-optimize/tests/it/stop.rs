//! A run that is stopped ends with the best so far, and goes on where it was.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use dictum_optimize::{BootstrapRandomSearch, Stop};

use crate::simulated::{Simulated, exact, examples, folder, program};

fn search(dir: &std::path::Path) -> BootstrapRandomSearch {
    BootstrapRandomSearch::new()
        .candidates(6)
        .max_labeled(4)
        .keep_best_anyway()
        .confirm_on(&examples("test", 10))
        .run_dir(dir)
}

#[tokio::test]
async fn a_stopped_run_keeps_the_best_and_resumes_to_the_same_end() {
    let (train, val) = (examples("train", 30), examples("val", 20));
    let whole = folder("stop-whole");
    let lm = Simulated::new();
    search(&whole)
        .compile(&lm.context(), &program(), &train, &val, exact())
        .await
        .unwrap();
    let all = lm.calls();

    let dir = folder("stop");
    let (lm, stop, seen) = (Simulated::new(), Stop::new(), Arc::new(AtomicUsize::new(0)));
    let handle = stop.clone();
    let compiled = search(&dir)
        .stop_with(&stop)
        .on_progress(move |_| {
            if seen.fetch_add(1, Ordering::SeqCst) == 120 {
                handle.stop();
            }
        })
        .compile(&lm.context(), &program(), &train, &val, exact())
        .await
        .unwrap();
    let stopped = lm.calls();
    assert!(stopped < all, "{stopped} of {all} calls");
    assert!(
        compiled
            .report
            .notes
            .iter()
            .any(|note| note.contains("was stopped")),
        "{:?}",
        compiled.report.notes
    );
    assert!(
        !compiled.overlay.get("self").unwrap().demos.is_empty(),
        "the best so far was not kept"
    );

    let lm = Simulated::new();
    search(&dir)
        .compile(&lm.context(), &program(), &train, &val, exact())
        .await
        .unwrap();
    assert_eq!(lm.calls() + stopped, all);
    let program = |dir: &std::path::Path| fs::read(dir.join("program.json")).unwrap();
    assert_eq!(program(&dir), program(&whole));
}
