//! Recording and looking into what was recorded.

use std::fs;
use std::time::Duration;

use dictum_testkit::{FakeServer, Reply};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{Bench, SIGNATURE, code, err, fails, out, painter, run, works};

fn ask<'a>(url: &'a str, trace: &'a str, signature: &'a str) -> Vec<&'a str> {
    vec![
        "run",
        "-s",
        signature,
        "--set",
        "text=item 4",
        "--lm",
        "openai/m",
        "--base-url",
        url,
        "--trace",
        trace,
    ]
}

#[test]
fn a_run_is_shown_as_a_tree_with_tokens_repairs_and_messages() {
    let long = format!("[[ ## n ## ]]\nmany\n\n{}", "words and words. ".repeat(100));
    let server = FakeServer::scripted([Reply::text(long), Reply::text("[[ ## n ## ]]\n'7'")]);
    let folder = TempDir::new().unwrap();
    let trace = folder.path().join("t.jsonl").display().to_string();
    let ran = run(&ask(&server.url(), &trace, "text -> n: int"));
    assert_eq!(out(&ran), "n: 7\n", "{}", err(&ran));

    let shown = out(&run(&["inspect", &trace]));
    assert!(shown.starts_with("1 step, 2 calls"), "{shown}");
    for part in [
        "└─ self  ",
        "   ├─ openai/m  ",
        "tokens in, ",
        "   │  [system]\n",
        "   ├─ asks again: openai/m  ",
        "   │  (the first 2 messages as above)\n",
        "   └─ repaired: ",
        "more characters; --full shows all",
    ] {
        assert!(shown.contains(part), "{part:?} is missing from\n{shown}");
    }
    assert!(!shown.contains('\x1b'), "colours only on a terminal: {shown:?}");

    let full = out(&run(&["inspect", &trace, "--full"]));
    assert!(
        full.contains(&"words and words. ".repeat(100).trim_end().to_owned()) && !full.contains("--full")
    );
    let brief = out(&run(&["inspect", &trace, "--brief"]));
    assert!(
        !brief.contains("[system]") && brief.contains("asks again"),
        "{brief}"
    );

    let json = works(&run(&["inspect", &trace, "--json"]));
    assert_eq!((&json["calls"], &json["complete"]), (&json!(2), &json!(true)));
    assert_eq!(json["steps"][0]["outputs"], json!({"n": 7}));
    assert_eq!(
        json["steps"][0]["calls"][0]["messages"][0]["role"],
        json!("system")
    );
}

#[test]
fn what_a_model_wrote_does_not_steer_the_terminal_and_a_failed_run_is_recorded() {
    let server = FakeServer::programmed(|_, _| Reply::text("\u{1b}[2J\u{1b}]0;owned\u{7} no fields here"));
    let folder = TempDir::new().unwrap();
    let trace = folder.path().join("t.jsonl").display().to_string();
    fails(&run(&ask(&server.url(), &trace, "text -> n: int, m: int")), 1, "");
    let shown = run(&["inspect", &trace]);
    let text = out(&shown);
    assert_eq!(code(&shown), 0);
    assert!(
        text.contains("1 failed") && text.contains("└─ failed: "),
        "{text}"
    );
    assert!(
        text.contains("\\u{1b}[2J") && !text.contains('\x1b') && !text.contains('\x07'),
        "{text:?}"
    );
}

#[test]
fn an_evaluation_is_shown_by_example() {
    let server = painter(Duration::ZERO);
    let bench = Bench::new(&server);
    let trace = bench.path("eval.jsonl").display().to_string();
    let rows = bench.path("rows.jsonl");
    works(&run(&[
        "eval",
        "-s",
        SIGNATURE,
        "--data",
        &bench.val,
        "--metric",
        "exact:label",
        "--lm",
        "openai/m",
        "--base-url",
        &bench.url,
        "--trace",
        &trace,
        "--out",
        &rows.display().to_string(),
        "--json",
    ]));
    let text = out(&run(&["inspect", &trace, "--brief"]));
    assert!(text.starts_with("12 steps, 12 calls"), "{text}");
    let rows = fs::read_to_string(rows).unwrap();
    for row in rows.lines() {
        let row: Value = serde_json::from_str(row).unwrap();
        let id = row["id"].as_str().unwrap();
        assert!(
            text.contains(&format!("\nexample {id}\n└─ self  ")),
            "{id} in {text}"
        );
    }
}

#[test]
fn a_compilation_is_recorded_whole() {
    let server = painter(Duration::ZERO);
    let bench = Bench::new(&server);
    let trace = bench.path("compile.jsonl").display().to_string();
    // The second asks for proposals too, which are calls like any other.
    for optimizer in ["bootstrap", "copro"] {
        let before = server.requests();
        let more = ["--optimizer", optimizer, "--trace", &trace];
        works(&bench.compile(optimizer, &more).output().unwrap());
        let calls = server.requests() - before;
        let shown = works(&run(&["inspect", &trace, "--json"]));
        let steps = shown["steps"].as_array().unwrap();
        let recorded: usize = steps
            .iter()
            .map(|step| step["calls"].as_array().map_or(0, Vec::len))
            .sum();
        assert_eq!(
            (recorded, &shown["complete"]),
            (calls, &json!(true)),
            "{optimizer}"
        );
    }
}

#[test]
fn a_file_that_is_no_trace_and_a_place_that_cant_be_written_are_told() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("x.jsonl").display().to_string();
    fails(&run(&["inspect", &path]), 1, "x.jsonl");
    fs::write(&path, "{\"text\": \"a row\"}\n").unwrap();
    fails(&run(&["inspect", &path]), 1, "is no trace");
    let server = FakeServer::scripted([Reply::text("unused")]);
    let nowhere = folder.path().join("missing/t.jsonl").display().to_string();
    fails(
        &run(&ask(&server.url(), &nowhere, "text -> n: int")),
        1,
        "missing/t.jsonl",
    );
    assert_eq!(server.requests(), 0);
}
