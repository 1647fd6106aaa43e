//! What goes wrong, in words and exit codes.

use std::fs;
use std::process::Output;
use std::time::Duration;

use dictum_testkit::{FakeServer, Reply};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{Bench, SIGNATURE, code, dictum, err, fails, items, out, painter, run};

#[test]
fn wrong_commands_exit_with_2_and_say_what_to_write() {
    let dir = TempDir::new().unwrap();
    let val = items(dir.path(), "val.jsonl", 0..3);
    let nowhere = ["--lm", "openai/m", "--base-url", "http://127.0.0.1:9/v1"];
    let table: &[(&[&str], &str)] = &[
        (&["frobnicate"], "unrecognized subcommand"),
        (&["run", "--lm", "openai/m"], "--signature"),
        (&["run", "-s", "text -> label: Litral['a']"], "write `Literal`"),
        (
            &["run", "-s", SIGNATURE, "--set", "tex=a"],
            "the signature's inputs are `text`",
        ),
        (&["run", "-s", SIGNATURE, "--set", "text"], "FIELD=VALUE"),
        (
            &["run", "-s", SIGNATURE, "--set", "text=@/no/such/file"],
            "/no/such/file",
        ),
        (
            &["run", "-s", SIGNATURE, "--set", "text=a", "--lm", "gpt"],
            "openai/NAME",
        ),
        (
            &["run", "-s", SIGNATURE, "--set", "text=a", "--lm", "nobody/m"],
            "no service is known as `nobody`",
        ),
        (
            &["run", "-s", SIGNATURE, "--set", "text=a", "--lm", "openai/m"],
            "OPENAI_API_KEY",
        ),
        (
            &["run", "-s", SIGNATURE, "--set", "text=a", "--lm", "anthropic/m"],
            "ANTHROPIC_API_KEY",
        ),
        (
            &[
                "run",
                "-s",
                SIGNATURE,
                "--set",
                "text=a",
                "--lm",
                "openai/m",
                "--base-url",
                "home",
            ],
            "base URL",
        ),
        (
            &["run", "-s", SIGNATURE, "--set", "text=a", "--temperature", "-1"],
            "a number from 0",
        ),
        (&["run", "-s", "n: int -> s", "--set", "n=8/10"], "8/10"),
        (
            &["eval", "-s", SIGNATURE, "--data", &val, "--metric", "exat:label"],
            "exact:FIELD",
        ),
        (
            &["eval", "-s", SIGNATURE, "--data", &val, "--metric", "exact:labl"],
            "it has `label`",
        ),
        (
            &[
                "eval",
                "-s",
                SIGNATURE,
                "--data",
                &val,
                "--metric",
                "exact:label",
                "--concurrency",
                "0",
            ],
            "from 1",
        ),
        (
            &[
                "eval",
                "-s",
                SIGNATURE,
                "--data",
                &val,
                "--metric",
                "exact:label",
                "--out",
                "rows.txt",
            ],
            ".jsonl",
        ),
    ];
    for (args, says) in table {
        fails(&run(args), 2, says);
        let mut args = args.to_vec();
        if !args.contains(&"--lm") && args.len() > 1 {
            args.extend(nowhere);
        }
        args.push("--json");
        let output = run(&args);
        let error: Value =
            serde_json::from_slice(&output.stderr).unwrap_or_else(|_| panic!("{}", err(&output)));
        assert_eq!(error["code"], json!(2), "{error}");
        assert!(error["error"].as_str().unwrap().contains(says), "{error}");
    }
    assert_eq!(code(&run(&["--help"])), 0);
    for command in [
        "run", "eval", "compile", "render", "parse", "state", "models", "cache",
    ] {
        assert_eq!(code(&run(&[command, "--help"])), 0);
    }
}

#[test]
fn failed_work_exits_with_1_and_says_where() {
    let dir = TempDir::new().unwrap();
    let file = |name: &str, bytes: &[u8]| {
        let path = dir.path().join(name);
        fs::write(&path, bytes).unwrap();
        path.display().to_string()
    };
    let folder = dir.path().display().to_string();
    let nowhere = ["--lm", "openai/m", "--base-url", "http://127.0.0.1:9/v1"];
    let data = [
        (
            file("cut.jsonl", b"{\"text\":\"a\",\"label\":\"red\"}\n{\"text\":"),
            "cut.jsonl:2:",
        ),
        (file("bytes.csv", b"text,label\na\xff,red\n"), "not UTF-8"),
        (file("column.csv", b"txt,label\na,red\n"), "the columns are `txt`"),
        (file("empty.jsonl", b""), "it is empty"),
        (
            dir.path().join("none.jsonl").display().to_string(),
            "can't be opened",
        ),
        (folder.clone(), ".jsonl"),
    ];
    for (path, says) in &data {
        let args = ["eval", "-s", SIGNATURE, "--data", path, "--metric", "exact:label"];
        fails(&run(&[&args[..], &nowhere].concat()), 1, says);
    }
    let broken = file("broken.json", b"{\"a\":");
    for path in [&broken, &folder, &"no/such.json".to_owned()] {
        fails(&run(&[&["run", "-p", path], &nowhere[..]].concat()), 1, path);
        fails(&run(&["state", "show", path]), 1, path);
        fails(&run(&["state", "diff", path, path]), 1, path);
        fails(&run(&["state", "import", path, "--out", "x.json"]), 1, path);
        fails(&run(&["state", "export", path, "--out", "x.json"]), 1, path);
    }
    let refused = run(&[&["run", "-s", SIGNATURE, "--set", "text=a"], &nowhere[..]].concat());
    fails(&refused, 1, "is the server running");
}

#[test]
fn no_work_is_spent_on_what_cannot_be_written() {
    let server = painter(Duration::ZERO);
    let bench = Bench::new(&server);
    fails(
        &bench.compile("no/such/folder/p", &[]).output().unwrap(),
        1,
        "can't be written",
    );
    let missing = bench.path("none/rows.csv").display().to_string();
    let args = [
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
        "--out",
        &missing,
    ];
    fails(&run(&args), 1, "can't be written");
    let wrong_metric = dictum(&[
        "compile",
        "-s",
        SIGNATURE,
        "--lm",
        "openai/m",
        "--base-url",
        &bench.url,
        "--train",
        &bench.train,
        "--metric",
        "exact:colour",
        "--out",
        "x.json",
    ])
    .output()
    .unwrap();
    fails(&wrong_metric, 2, "it has `label`");
    assert_eq!(server.requests(), 0);
}

#[test]
fn the_key_is_never_shown() {
    const KEY: &str = "sk-very-secret-0123456789abcdef";
    let server = FakeServer::programmed(|_, _| {
        Reply::error(
            401,
            "invalid_request_error",
            "invalid_api_key",
            &format!("Incorrect API key provided: {KEY}."),
        )
    });
    let bench = Bench::new(&server);
    let lm = ["--lm", "openai/m", "--base-url", &bench.url, "--json"];
    let rows = bench.path("rows.jsonl").display().to_string();
    let called: &[&[&str]] = &[
        &["run", "-s", SIGNATURE, "--set", "text=a"],
        &[
            "eval",
            "-s",
            SIGNATURE,
            "--data",
            &bench.val,
            "--metric",
            "exact:label",
            "--out",
            &rows,
        ],
    ];
    let mut outputs: Vec<Output> = called
        .iter()
        .map(|args| {
            dictum(&[*args, &lm].concat())
                .env("OPENAI_API_KEY", KEY)
                .output()
                .unwrap()
        })
        .collect();
    outputs.push(
        bench
            .compile("keyed", &[])
            .env("OPENAI_API_KEY", KEY)
            .output()
            .unwrap(),
    );
    assert_eq!(
        server.seen()[0].header("authorization"),
        Some(format!("Bearer {KEY}").as_str())
    );
    for output in &outputs {
        fails(output, 1, "authentication");
        assert!(
            !out(output).contains(KEY) && !err(output).contains(KEY),
            "{}{}",
            out(output),
            err(output)
        );
    }
    let mut folders = vec![bench.folder.path().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                assert!(
                    !String::from_utf8_lossy(&fs::read(&path).unwrap()).contains(KEY),
                    "{}",
                    path.display()
                );
            }
        }
    }
}
