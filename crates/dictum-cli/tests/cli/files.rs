//! Program files and DSPy.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{fails, out, run, works};

/// The predictors of DSPy's file, in which a lone one is the file itself.
fn predictors(file: &Value) -> Vec<&Value> {
    match file.get("demos") {
        Some(_) => vec![file],
        None => file
            .as_object()
            .unwrap()
            .iter()
            .filter(|(path, _)| *path != "metadata")
            .map(|(_, own)| own)
            .collect(),
    }
}

#[test]
fn dspy_files_come_in_and_go_out_again() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../dictum-core/tests/data/dspy");
    let dir = TempDir::new().unwrap();
    let at = |name: &str| dir.path().join(name).display().to_string();
    let (one, back, two) = (at("one.json"), at("back.json"), at("two.json"));
    for name in [
        "chain_of_thought",
        "containers",
        "predict",
        "pydantic",
        "two_steps",
        "unicode",
    ] {
        let file = data.join(format!("{name}.json")).display().to_string();
        let notes = works(&run(&["state", "import", &file, "--out", &one, "--json"]));
        assert!(
            !notes["notes"].as_array().unwrap().is_empty(),
            "types are guessed, and it says so"
        );
        works(&run(&["state", "export", &one, "--out", &back, "--json"]));
        works(&run(&["state", "import", &back, "--out", &two, "--json"]));
        let read = |path: &str| serde_json::from_slice::<Value>(&fs::read(path).unwrap()).unwrap();
        let (first, again) = (read(&file), read(&back));
        let again = predictors(&again);
        assert_eq!(again.len(), predictors(&first).len());
        for (predictor, back) in predictors(&first).into_iter().zip(again) {
            assert!(predictor["demos"].is_array());
            assert_eq!(predictor["demos"], back["demos"], "{name}");
            let [own, back] =
                [predictor, back].map(|file| file["signature"]["instructions"].as_str().unwrap());
            // Instructions that were never learned are a sentence made of the fields, on both sides.
            if !own.starts_with("Given the fields") {
                assert_eq!(own, back, "{name}");
            }
        }
        works(&run(&["state", "diff", &one, &two]));
        fails(&run(&["state", "show", &file]), 1, "dictum state import");
    }
    let other = data.join("predict.json").display().to_string();
    let typed = run(&[
        "state",
        "import",
        &other,
        "--out",
        &two,
        "--signature",
        "question, hints: list[str] -> answer: float",
    ]);
    works(&typed);
    assert!(out(&run(&["state", "show", &two])).contains("hints: list[str]"));
    let differ = run(&["state", "diff", &one, &two, "--json"]);
    fails(&differ, 1, "differ");
    assert_eq!(
        serde_json::from_slice::<Value>(&differ.stdout).unwrap()["equal"],
        json!(false)
    );
}
