//! Running, measuring, rendering and parsing.

use std::fs;
use std::path::Path;
use std::time::Duration;

use dictum_testkit::{FakeServer, Reply};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{Bench, COLORS, SIGNATURE, code, dictum, err, fails, out, painter, parse, run, works};

#[test]
fn compiled_programs_run_and_rows_are_written() {
    let server = painter(Duration::ZERO);
    let bench = Bench::new(&server);
    works(&bench.compile("p", &["--optimizer", "labeled"]).output().unwrap());
    let program = bench.path("p.json").display().to_string();
    let shown = run(&["state", "show", &program]);
    assert!(out(&shown).contains("demos: 16"), "{}", out(&shown));

    let lm = ["--lm", "openai/m", "--base-url", &bench.url];
    let one = run(&[
        &["run", "-s", SIGNATURE, "--set", "text=item 4", "--json"],
        &lm[..],
    ]
    .concat());
    let demos = server.seen().last().unwrap().body["messages"]
        .as_array()
        .unwrap()
        .len();
    assert_eq!(demos, 2);
    let learned = works(&run(&[
        &["run", "-p", &program, "--set", "text=item 4", "--json"],
        &lm[..],
    ]
    .concat()));
    assert_eq!(learned["fields"]["label"], json!("green"));
    let demos = server.seen().last().unwrap().body["messages"]
        .as_array()
        .unwrap()
        .len();
    assert_eq!(demos, 2 + 2 * 16);
    let answer = works(&one);
    assert!(
        COLORS.contains(&answer["fields"]["label"].as_str().unwrap()),
        "{answer}"
    );
    assert_eq!(answer["calls"], json!(1));

    let rows = bench.path("rows.jsonl").display().to_string();
    let eval = [
        "eval",
        "-s",
        SIGNATURE,
        "--data",
        &bench.val,
        "--metric",
        "exact:label",
        "--out",
        &rows,
    ];
    assert!(out(&run(&[&eval[..], &lm].concat())).contains(" % ["));
    assert_eq!(fs::read_to_string(&rows).unwrap().lines().count(), 12);
}

#[test]
fn answers_are_parsed() {
    let table: &[(&str, &str, &str, Value, usize)] = &[
        (
            "chat",
            "a -> n: int, label: Literal['red','blue']",
            "[[ ## n ## ]]\n3\n[[ ## label ## ]]\nred",
            json!({"n": 3, "label": "red"}),
            0,
        ),
        (
            "chat",
            "a -> label: Literal['red','blue']",
            "[[ ## label ## ]]\nRED",
            json!({"label": "red"}),
            1,
        ),
        (
            "json",
            "a -> n: int, tags: list[str]",
            "Sure!\n```json\n{n: 3, 'tags': ['x',]}\n```",
            json!({"n": 3, "tags": ["x"]}),
            3,
        ),
        ("xml", "a -> n: float", "<n>2.5</n>", json!({"n": 2.5}), 0),
        ("xml", "a -> s", "<s>ünï</s>", json!({"s": "ünï"}), 0),
    ];
    for (adapter, signature, answer, fields, repairs) in table {
        let parsed = parse(&["-s", signature, "--adapter", adapter], answer.as_bytes());
        let value = works(&parsed);
        assert_eq!(&value["fields"], fields, "{answer}");
        assert!(value["repairs"].as_array().unwrap().len() >= *repairs, "{value}");
        assert_eq!(value.as_object().unwrap().len(), 2);
    }
    let score = "[[ ## n ## ]]\n8/10";
    fails(&parse(&["-s", "a -> n: int"], score.as_bytes()), 1, "8/10");
    let failure = parse(&["-s", "a -> n: int", "--json"], score.as_bytes());
    let error: Value = serde_json::from_slice(&failure.stderr).unwrap();
    assert!(
        error["error"].as_str().unwrap().contains("`n` can't be read"),
        "{error}"
    );
    fails(&parse(&["-s", "a -> n: int"], b""), 1, "`n` is missing");
    fails(
        &parse(&["-s", "a -> n: int"], b"\xff\xfe\x00[[ ## n ## ]]\n\xff"),
        1,
        "`n`",
    );
    fails(&parse(&["-s", "a, n: int"], b""), 2, "->");
    fails(
        &parse(&["-s", "a -> n", "--adapter", "yaml"], b""),
        2,
        "chat, json, xml",
    );
    let noise: Vec<u8> = b"{[\"<n> [[ ## "
        .iter()
        .copied()
        .cycle()
        .take(2_000_000)
        .collect();
    fails(&parse(&["-s", "a -> n: int"], &noise), 1, "`n`");
}

#[test]
fn render_prints_the_messages() {
    let text = run(&["render", "-s", SIGNATURE, "--set", "text=hello"]);
    assert!(
        out(&text).starts_with("[system]\n") && out(&text).contains("\n[user]\n"),
        "{}",
        out(&text)
    );
    let value = works(&run(&[
        "render",
        "-s",
        SIGNATURE,
        "--set",
        "text=hello",
        "--json",
        "--adapter",
        "json",
    ]));
    let roles: Vec<_> = value["messages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|message| message["role"].clone())
        .collect();
    assert_eq!(roles, [json!("system"), json!("user")]);
    fails(&run(&["render", "-s", SIGNATURE]), 2, "--set text=VALUE");
}

#[test]
fn the_cache_answers_and_spares_other_files() {
    let server = painter(Duration::ZERO);
    let bench = Bench::new(&server);
    let cache = bench.path("cache.db").display().to_string();
    let eval = |cache: &str| {
        run(&[
            "eval",
            "-s",
            SIGNATURE,
            "--lm",
            "openai/m",
            "--base-url",
            &bench.url,
            "--data",
            &bench.val,
            "--metric",
            "exact:label",
            "--cache",
            cache,
            "--json",
        ])
    };
    works(&eval(&cache));
    assert_eq!(server.requests(), 12);
    works(&eval(&cache));
    assert_eq!(server.requests(), 12);
    assert_eq!(
        works(&run(&["cache", "stats", &cache, "--json"]))["entries"],
        json!(12)
    );
    assert_eq!(
        works(&run(&["cache", "clear", &cache, "--json"]))["dropped"],
        json!(12)
    );
    works(&eval(&cache));
    assert_eq!(server.requests(), 24);

    let before = fs::read(&bench.val).unwrap();
    fails(&eval(&bench.val), 2, "it is no cache");
    fails(&run(&["cache", "clear", &bench.val]), 1, "not a cache");
    fails(&run(&["cache", "stats", &bench.val]), 1, "not a cache");
    assert_eq!(
        fs::read(&bench.val).unwrap(),
        before,
        "a file that is no cache stays as it is"
    );
    fails(&run(&["cache", "stats", "no/such.db"]), 1, "no such cache");
    assert!(!Path::new("no/such.db").exists());
}

#[test]
fn readers_that_go_away_are_no_failure() {
    let text = format!("text={}", "word ".repeat(20_000));
    let mut child = dictum(&["render", "-s", SIGNATURE, "--set", &text])
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((code(&output), err(&output)), (0, String::new()));
    let mut child = dictum(&["run", "-s", "nothing"]).spawn().unwrap();
    drop(child.stderr.take());
    assert_eq!(child.wait().unwrap().code(), Some(2));
}

#[test]
fn models_are_listed_or_it_says_why_not() {
    let dir = TempDir::new().unwrap();
    let list = run(&[
        "models",
        "list",
        "--json",
        "--models-dir",
        dir.path().to_str().unwrap(),
    ]);
    if cfg!(feature = "local") {
        assert!(!works(&list).as_array().unwrap().is_empty());
        fails(&run(&["models", "path", "nothing"]), 2, "nothing");
    } else {
        fails(&list, 2, "without the local engine");
    }
}

#[test]
fn a_service_is_named_with_the_model_and_gets_its_own_key() {
    let answer = json!({
        "type": "message",
        "content": [{ "type": "text", "text": "[[ ## label ## ]]\nred" }],
        "stop_reason": "end_turn",
    });
    let server = FakeServer::scripted([Reply::json(200, &answer)]);
    let url = server.url();
    let output = dictum(&[
        "run",
        "-s",
        SIGNATURE,
        "--set",
        "text=a",
        "--lm",
        "anthropic/m",
        "--base-url",
        &url,
    ])
    .env("ANTHROPIC_API_KEY", "the-key")
    .output()
    .unwrap();
    assert_eq!(code(&output), 0, "{}", err(&output));
    assert!(out(&output).contains("red"));
    let seen = server.seen();
    assert_eq!(
        (seen[0].path.as_str(), seen[0].header("x-api-key")),
        ("/v1/messages", Some("the-key"))
    );
}
