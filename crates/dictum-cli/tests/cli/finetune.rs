//! Fine-tuning from the command line.

use std::fs;
use std::path::Path;
use std::process::Command;

use dictum_testkit::FakeTuner;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{COLORS, SIGNATURE, dictum, fails, works};

/// Things of a colour: who has seen one of each colour named can name all.
pub(crate) fn things(folder: &Path, name: &str, count: usize) -> String {
    let line = |number: usize| {
        let color = COLORS[number % 3];
        let text = format!("{color}ish thing {number} with {color}ish marks of {name}");
        json!({ "text": text, "label": color }).to_string() + "\n"
    };
    let path = folder.join(format!("{name}.jsonl"));
    fs::write(&path, (0..count).map(line).collect::<String>()).unwrap();
    path.display().to_string()
}

/// Its own model knows red things alone.
fn server() -> FakeTuner {
    FakeTuner::new(|messages: &[Value]| {
        let asked = messages.last().unwrap()["content"].as_str().unwrap();
        let color = COLORS.iter().find(|color| asked.contains(&format!("{color}ish")));
        let said = match color {
            Some(color) if asked.contains("of train") || *color == "red" => color,
            _ => "red",
        };
        format!("[[ ## label ## ]]\n{said}\n\n[[ ## completed ## ]]")
    })
}

fn compile(folder: &TempDir, server: &FakeTuner, more: &[&str]) -> Command {
    let train = things(folder.path(), "train", 30);
    let test = things(folder.path(), "test", 36);
    let run = folder.path().join("run").display().to_string();
    let url = server.url();
    let begin = [
        "compile",
        "--optimizer",
        "finetune",
        "--signature",
        SIGNATURE,
        "--lm",
        "openai/base",
        "--base-url",
        url.as_str(),
        "--metric",
        "exact:label",
        "--train",
        train.as_str(),
        "--test",
        test.as_str(),
        "--run-dir",
        run.as_str(),
        "--json",
    ];
    dictum(&[&begin, more].concat())
}

#[test]
fn a_model_is_trained_measured_and_named_in_the_program() {
    let (folder, server) = (TempDir::new().unwrap(), server());
    server.steps(&[]);
    // What the tuned model would use is told apart, and what nobody knows the price of has none.
    let foreseen = works(&compile(&folder, &server, &["--dry-run"]).output().unwrap());
    let used = |model: &str| foreseen["by_model"][model]["input_tokens"].as_u64().unwrap();
    assert!(used("openai/base") > used("the tuned model") && used("the tuned model") > 0);
    assert_eq!(foreseen["cost_usd"], Value::Null);
    assert_eq!(server.seen().len(), 0);
    let out = folder.path().join("program.json").display().to_string();
    let written = works(&compile(&folder, &server, &["--write-only"]).output().unwrap());
    assert_eq!(written["passed"], 30);
    assert_eq!((server.files().len(), server.jobs().len()), (0, 0));
    let path = written["files"][0]["path"].as_str().unwrap();
    let content = fs::read_to_string(path).unwrap();
    let asked = server.seen().len();

    let found = works(&compile(&folder, &server, &["--out", &out]).output().unwrap());
    assert_eq!(found["outcome"], "improved", "{found}");
    assert_eq!(server.files()[0].1, content, "the file that was written before");
    assert_eq!(
        server.count("POST", "/chat/completions"),
        asked + 2 * 36,
        "no example is asked twice"
    );
    let notes = found["notes"].to_string();
    let url = server.url();
    let advice = format!("--lm openai/base --lms openai/ft:base:test::1 --base-url {url}");
    assert!(notes.contains(&advice), "{notes}");

    // The program wants its tuned model, says so without it, and asks it where it is there.
    let set = "text=blueish thing 99 with blueish marks of new";
    let call = ["run", "--program", &out, "--set", set, "--json"];
    let run = |how: &str| {
        let how: Vec<&str> = how.split(' ').collect();
        dictum(&[&call[..], &how].concat()).output().unwrap()
    };
    assert_eq!(works(&run(&advice))["fields"]["label"], "blue");
    let alone = run(&format!("--lm openai/base --base-url {url}"));
    fails(&alone, 2, "wants the model `openai/ft:base:test::1`");
}

#[test]
fn a_training_is_a_step_among_others() {
    let (folder, server) = (TempDir::new().unwrap(), server());
    server.steps(&[]);
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (out, url) = (path("program.json"), server.url());
    let data = [
        things(folder.path(), "train", 30),
        things(folder.path(), "val", 24),
    ];
    let command = |optimizers| {
        [
            "compile",
            "--optimizer",
            optimizers,
            "--signature",
            SIGNATURE,
            "--lm",
            "openai/base",
            "--base-url",
            &url,
            "--metric",
            "exact:label",
            "--train",
            &data[0],
            "--val",
            &data[1],
            "--out",
            &out,
            "--json",
        ]
    };
    let further = command("finetune,finetune");
    let command = command("labeled,finetune");
    let no_folder = dictum(&command).output().unwrap();
    fails(&no_folder, 2, "--run-dir: finetune needs one");
    let run = path("run");
    let kept = [&command[..], &["--run-dir", &run]].concat();
    let alone = dictum(&[&kept[..], &["--write-only"]].concat()).output().unwrap();
    fails(&alone, 2, "--write-only: is for --optimizer finetune alone");
    assert_eq!(server.seen().len(), 0);
    let found = works(&dictum(&kept).output().unwrap());
    assert_eq!(
        (found["outcome"].as_str(), server.jobs().len()),
        (Some("improved"), 1),
        "{found}"
    );
    let advice = format!("--lm openai/base --lms openai/ft:base:test::1 --base-url {url}");
    assert!(found["notes"].to_string().contains(&advice), "{found}");
    assert!(
        fs::read_to_string(&out)
            .unwrap()
            .contains("openai/ft:base:test::1")
    );
    // What was paid for is not paid for again.
    works(&dictum(&kept).output().unwrap());
    assert_eq!(server.jobs().len(), 1);
    // A second training goes on from the first where asked to.
    let another = path("another");
    let further = [&further[..], &["--run-dir", &another, "--train-further"]].concat();
    works(&dictum(&further).output().unwrap());
    let began: Vec<_> = server
        .jobs()
        .into_iter()
        .map(|job| job["model"].clone())
        .collect();
    assert_eq!(began, ["base", "base", "ft:base:test::2"]);
}

#[test]
fn what_does_not_fit_is_said() {
    let (folder, server) = (TempDir::new().unwrap(), server());
    let wrong = |more: &[&str], says: &str| {
        fails(&compile(&folder, &server, more).output().unwrap(), 2, says);
    };
    let out = folder.path().join("program.json").display().to_string();
    wrong(&["--out", &out, "--candidates", "3"], "--candidates");
    wrong(&["--out", &out, "--proposer", "openai/other"], "--proposer");
    assert_eq!(server.seen().len(), 0);
    let train = things(folder.path(), "train", 30);
    let search = [
        "compile",
        "--signature",
        SIGNATURE,
        "--train",
        &train,
        "--metric",
        "exact:label",
    ];
    let more = [
        "--out",
        &out,
        "--optimizer",
        "labeled",
        "--teacher",
        "openai/large",
    ];
    let refused = dictum(&[&search[..], &more].concat()).output().unwrap();
    fails(&refused, 2, "--teacher: is no setting of LabeledFewShot");
}
