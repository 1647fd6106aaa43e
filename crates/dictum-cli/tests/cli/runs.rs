//! What run folders tell.

use std::time::Duration;

use serde_json::json;

use crate::{Bench, dictum, fails, painter, works};

#[test]
fn runs_are_listed_shown_compared_and_exported() {
    let server = painter(Duration::ZERO);
    let bench = Bench::new(&server);
    works(
        &bench
            .compile("one", &["--optimizer", "labeled"])
            .output()
            .unwrap(),
    );
    works(&bench.compile("two", &["--candidates", "3"]).output().unwrap());
    let folder = bench.folder.path().to_str().unwrap().to_owned();
    let (one, two) = (format!("{folder}/run-one"), format!("{folder}/run-two"));
    // A run that has not ended.
    std::fs::remove_file(format!("{one}/report.json")).unwrap();

    let listed = works(&dictum(&["runs", "list", &folder, "--json"]).output().unwrap());
    assert_eq!(listed.as_array().unwrap().len(), 2);
    assert_eq!(listed[0]["optimizer"], "LabeledFewShot");
    assert_eq!(
        (&listed[0]["ended"], &listed[1]["ended"]),
        (&json!(false), &json!(true))
    );
    assert!(listed[0]["rollouts"].as_u64().unwrap() > 0);
    let not_ended = dictum(&["runs", "show", &one]).output().unwrap();
    fails(&not_ended, 1, "has not ended");
    works(
        &bench
            .compile("one", &["--optimizer", "labeled"])
            .output()
            .unwrap(),
    );

    let shown = dictum(&["runs", "show", &two]).output().unwrap();
    let text = String::from_utf8(shown.stdout).unwrap();
    assert!(text.contains("bootstrap") && text.contains("spent"), "{text}");

    let compared = works(
        &dictum(&["runs", "compare", &one, &two, "--json"])
            .output()
            .unwrap(),
    );
    assert_eq!(compared["set"], "validation");
    let listed = works(&dictum(&["runs", "list", &folder, "--json"]).output().unwrap());
    let compared = [
        &compared["comparison"]["first"],
        &compared["comparison"]["second"],
    ];
    assert_eq!(compared, [&listed[0]["score"], &listed[1]["score"]]);

    for (file, wanted) in [
        (
            "found.json",
            std::fs::read(format!("{two}/program.json")).unwrap(),
        ),
        ("found.html", std::fs::read(format!("{two}/report.html")).unwrap()),
    ] {
        let out = format!("{folder}/{file}");
        works(
            &dictum(&["runs", "export", &two, "--out", &out, "--json"])
                .output()
                .unwrap(),
        );
        assert_eq!(std::fs::read(&out).unwrap(), wanted, "{file}");
    }
    let rows = format!("{folder}/rows.csv");
    works(
        &dictum(&["runs", "export", &two, "--out", &rows, "--json"])
            .output()
            .unwrap(),
    );
    assert!(std::fs::read_to_string(&rows).unwrap().lines().count() > 10);

    let wrong = dictum(&["runs", "export", &two, "--out", "rows.txt"])
        .output()
        .unwrap();
    fails(&wrong, 2, ".jsonl for the rows");
    fails(
        &dictum(&["runs", "show", &folder]).output().unwrap(),
        1,
        "holds no run",
    );
    fails(
        &dictum(&["runs", "list", "/no/such"]).output().unwrap(),
        1,
        "no such folder",
    );
}
