//! The nearest demonstrations from the command line.

use std::fs;

use dictum_testkit::{FakeServer, Reply};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::finetune::things;
use crate::{COLORS, SIGNATURE, dictum, fails, out, works};

const EMBEDDER: &str = "openai/colours";

/// Which of the colours is spoken of.
fn colour(text: &str) -> usize {
    let of = |color: &&str| text.contains(&format!("{color}ish"));
    COLORS.iter().position(of).unwrap()
}

/// An embedder that hears colours, and a model that says what it was shown last, or always the same.
fn server(copies: bool) -> FakeServer {
    FakeServer::programmed(move |_, body| {
        if let Some(texts) = body["input"].as_array() {
            let data = texts.iter().enumerate().map(|(index, text)| {
                let mut vector = [0.1; 3];
                vector[colour(text.as_str().unwrap())] = 1.0;
                json!({ "object": "embedding", "index": index, "embedding": vector })
            });
            let data: Vec<Value> = data.collect();
            let usage = json!({ "prompt_tokens": 5, "total_tokens": 5 });
            return Reply::json(
                200,
                &json!({ "object": "list", "data": data, "model": "colours", "usage": usage }),
            );
        }
        let messages = body["messages"].as_array().unwrap();
        let shown = messages.iter().rfind(|message| message["role"] == "assistant");
        match shown {
            Some(shown) if copies => Reply::text(shown["content"].as_str().unwrap()),
            _ => Reply::text("[[ ## label ## ]]\nred\n\n[[ ## completed ## ]]"),
        }
    })
}

/// How many of the requests went to the model, not to the embedder.
fn calls(server: &FakeServer) -> usize {
    let seen = server.seen();
    seen.iter()
        .filter(|seen| seen.body["messages"].is_array())
        .count()
}

struct Shop {
    folder: TempDir,
    url: String,
}

impl Shop {
    fn new(server: &FakeServer) -> Self {
        let folder = TempDir::new().unwrap();
        for (name, count) in [("train", 30), ("val", 24)] {
            things(folder.path(), name, count);
        }
        Self {
            folder,
            url: server.url(),
        }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    fn compile(&self, more: &[&str]) -> std::process::Output {
        let (train, val) = (self.path("train.jsonl"), self.path("val.jsonl"));
        let (run, file) = (self.path("run"), self.path("near.json"));
        let begin = [
            "compile",
            "--optimizer",
            "knn",
            "--signature",
            SIGNATURE,
            "--json",
        ];
        let data = ["--train", &train, "--val", &val, "--metric", "exact:label"];
        let place = ["--run-dir", &run, "--out", &file];
        let command = [&begin[..], &data, &place, more].concat();
        dictum(&command).args(self.model()).output().unwrap()
    }

    fn model(&self) -> [&str; 4] {
        ["--lm", "openai/base", "--base-url", &self.url]
    }
}

#[test]
fn the_nearest_demonstrations_are_found_measured_saved_and_shown() {
    let server = server(true);
    let shop = Shop::new(&server);
    let foreseen = works(&shop.compile(&["--embedder", EMBEDDER, "--dry-run"]));
    // Demonstrations, the vectors of the index, both programs on 24 rows, and a vector for each of these.
    assert_eq!(foreseen["calls"], 30 + 1 + 3 * 24);
    assert_eq!(server.requests(), 0);

    let found = works(&shop.compile(&["--embedder", EMBEDDER, "--neighbours", "2"]));
    assert_eq!(found["outcome"], "improved", "{found}");
    assert_eq!(found["comparison"]["second"], 1.0, "{found}");
    assert_eq!(found["examples"], 30);
    let made = calls(&server);
    assert_eq!(made, 30 + 2 * 24);
    assert_eq!(server.requests(), 30 + 1 + 3 * 24);
    assert_eq!(
        found["spent"]["calls"].as_u64().unwrap(),
        server.requests() as u64
    );

    // Nothing that was answered is asked again, and the same bytes come of it.
    let file = shop.path("near.json");
    let before = fs::read(&file).unwrap();
    works(&shop.compile(&["--embedder", EMBEDDER, "--neighbours", "2"]));
    assert_eq!(calls(&server), made);
    assert_eq!(fs::read(&file).unwrap(), before);

    let run = |args: &[&str]| dictum(args).args(shop.model()).output().unwrap();
    let asked = "text=blueish thing 99 with blueish marks of new";
    let answer = works(&run(&["run", "--program", &file, "--set", asked, "--json"]));
    assert_eq!(answer["fields"]["label"], "blue");
    let val = shop.path("val.jsonl");
    let eval = [
        "eval",
        "--program",
        &file,
        "--data",
        &val,
        "--metric",
        "exact:label",
        "--json",
    ];
    assert_eq!(works(&run(&eval))["mean"], 1.0);

    // What can only be done with its embedder is refused, and what it is is told.
    let render = dictum(&["render", "--program", &file, "--set", asked])
        .output()
        .unwrap();
    fails(&render, 2, "`openai/colours`");
    let shown = out(&dictum(&["state", "show", &file]).output().unwrap());
    assert!(
        shown.contains("the 2 nearest of 30 examples, by `openai/colours`") && shown.len() < 4_000,
        "{shown}"
    );
    let exported = shop.path("dspy.json");
    let notes = works(
        &dictum(&["state", "export", &file, "--out", &exported, "--json"])
            .output()
            .unwrap(),
    );
    assert!(notes.to_string().contains("2 nearest of 30"), "{notes}");
}

#[test]
fn an_index_that_helps_nothing_is_not_kept() {
    let server = server(false);
    let shop = Shop::new(&server);
    let found = works(&shop.compile(&["--embedder", EMBEDDER]));
    assert_eq!(found["outcome"], "no_significant_gain", "{found}");
    let file = fs::read_to_string(shop.path("near.json")).unwrap();
    assert!(!file.contains("nearest_demos"), "{file}");
}

#[test]
fn a_budget_holds_and_what_makes_no_sense_is_refused() {
    let server = server(true);
    let shop = Shop::new(&server);
    let wrong = |more: &[&str], says: &str| fails(&shop.compile(more), 2, says);
    wrong(
        &["--embedder", EMBEDDER, "--budget-calls", "73"],
        "--budget-calls 73",
    );
    wrong(&["--embedder", "nobody/colours"], "nobody");
    wrong(&["--embedder", EMBEDDER, "--neighbours", "0"], "from 1");
    wrong(
        &["--candidates", "3"],
        "--candidates: is no setting of KnnFewShot",
    );
    wrong(&["--write-only"], "--write-only");
    assert_eq!(server.requests(), 0);
    let found = works(&shop.compile(&["--embedder", EMBEDDER, "--budget-calls", "83"]));
    assert_eq!(
        found["spent"]["calls"].as_u64().unwrap(),
        server.requests() as u64,
        "{found}"
    );
    assert_eq!((server.requests(), calls(&server)), (83, 10 + 2 * 24));
    let train = shop.path("train.jsonl");
    let both = [
        "compile",
        "--optimizer",
        "knn,labeled",
        "--signature",
        SIGNATURE,
        "--train",
        &train,
        "--metric",
        "exact:label",
        "--out",
        "x.json",
    ];
    fails(
        &dictum(&both).args(shop.model()).output().unwrap(),
        2,
        "knn: works alone",
    );
}
