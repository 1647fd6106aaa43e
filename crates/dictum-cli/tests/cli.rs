//! The built command as people and scripts meet it, against a server on loopback.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice
)]

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use dictum_testkit::{FakeServer, Reply};
use serde_json::{Value, json};
use tempfile::TempDir;

const SIGNATURE: &str = "text -> label: Literal['red', 'green', 'blue']";
const COLORS: [&str; 3] = ["red", "green", "blue"];
const CONCURRENCY: usize = 4;

/// The command, cut off from the environment of whoever runs the tests.
fn dictum(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dictum"));
    command
        .args(args)
        .env_remove("OPENAI_API_KEY")
        .env_remove("DICTUM_MODELS");
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn run(args: &[&str]) -> Output {
    dictum(args).output().unwrap()
}

fn code(output: &Output) -> i32 {
    output.status.code().expect("an exit code, not a signal")
}

fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// It failed with this code, said this, and did not fall over.
#[track_caller]
fn fails(output: &Output, with: i32, says: &str) {
    let text = err(output);
    assert_eq!(code(output), with, "{text}");
    assert!(text.contains(says), "wanted {says:?} in: {text}");
    assert!(!text.contains("panicked"), "{text}");
}

#[track_caller]
fn works(output: &Output) -> Value {
    assert_eq!(code(output), 0, "{}", err(output));
    serde_json::from_slice(&output.stdout).unwrap_or(Value::Null)
}

fn parse(args: &[&str], answer: &[u8]) -> Output {
    let mut child = dictum(&[&["parse"], args].concat())
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(answer).ok();
    child.wait_with_output().unwrap()
}

/// A model that names the colour of item `n` right the more often the more demonstrations it is shown. What it answers
/// follows from the request alone.
fn painter(delay: Duration) -> FakeServer {
    FakeServer::programmed(move |_, body| {
        let messages = body["messages"].as_array().unwrap();
        let asked = messages.last().unwrap()["content"].as_str().unwrap();
        let digits: String = asked
            .split("item ")
            .nth(1)
            .unwrap_or("0")
            .chars()
            .take_while(char::is_ascii_digit)
            .collect();
        let number: usize = digits.parse().unwrap_or(0);
        let demos = (messages.len() - 2) / 2;
        // FNV-1a: any hash that is the same in every process.
        let luck = body
            .to_string()
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
                (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
            });
        let right = (luck >> 33) % 10 < 2 + 2 * demos as u64;
        let color = COLORS[(number + usize::from(!right)) % 3];
        Reply::text(format!("[[ ## label ## ]]\n{color}\n\n[[ ## completed ## ]]")).after(delay)
    })
}

fn items(folder: &Path, name: &str, numbers: std::ops::Range<usize>) -> String {
    let mut text = String::new();
    for number in numbers {
        writeln!(
            text,
            "{}",
            json!({"text": format!("item {number}"), "label": COLORS[number % 3]})
        )
        .unwrap();
    }
    let path = folder.join(name);
    fs::write(&path, text).unwrap();
    path.display().to_string()
}

/// A folder with data, and the arguments of a compilation in it.
struct Bench {
    folder: TempDir,
    url: String,
    train: String,
    val: String,
}

impl Bench {
    fn new(server: &FakeServer) -> Self {
        let folder = TempDir::new().unwrap();
        let (train, val) = (
            items(folder.path(), "train.jsonl", 0..24),
            items(folder.path(), "val.jsonl", 100..112),
        );
        Self {
            folder,
            url: server.url(),
            train,
            val,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn compile(&self, name: &str, more: &[&str]) -> Command {
        let concurrency = CONCURRENCY.to_string();
        let mut command = dictum(&[
            "compile",
            "--signature",
            SIGNATURE,
            "--lm",
            "openai/m",
            "--metric",
            "exact:label",
        ]);
        command.args([
            "--base-url",
            &self.url,
            "--train",
            &self.train,
            "--val",
            &self.val,
        ]);
        command
            .args(["--concurrency", &concurrency, "--seed", "7", "--json"])
            .args(more);
        command.arg("--run-dir").arg(self.path(&format!("run-{name}")));
        command.arg("--out").arg(self.path(&format!("{name}.json")));
        command
    }

    fn program(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(&format!("{name}.json"))).unwrap()
    }
}

fn wait_for(child: &mut Child, server: &FakeServer, requests: usize) {
    let begun = Instant::now();
    while server.requests() < requests {
        assert!(
            child.try_wait().unwrap().is_none(),
            "it ended before it could be stopped"
        );
        assert!(begun.elapsed() < Duration::from_secs(60), "no calls came");
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn the_same_seed_writes_the_same_bytes_with_every_optimizer() {
    for optimizer in ["labeled", "bootstrap", "random-search"] {
        let server = painter(Duration::ZERO);
        let bench = Bench::new(&server);
        let more = ["--optimizer", optimizer, "--candidates", "3"];
        let more = if optimizer == "random-search" {
            &more[..]
        } else {
            &more[..2]
        };
        let report = works(&bench.compile("one", more).output().unwrap());
        let calls = server.requests();
        assert_eq!(report["spent"]["calls"], json!(calls), "{optimizer}");
        works(
            &bench
                .compile("two", more)
                .args(["--concurrency", "1"])
                .output()
                .unwrap_or_else(|e| panic!("{e}")),
        );
        assert_eq!(server.requests(), 2 * calls, "{optimizer}");
        assert_eq!(bench.program("one"), bench.program("two"), "{optimizer}");
        let text = String::from_utf8(bench.program("one")).unwrap();
        assert!(text.contains("\"demos\""), "{text}");
        assert!(
            !text.contains(bench.folder.path().to_str().unwrap()) && !text.contains("127.0.0.1"),
            "{text}"
        );
    }
}

#[test]
fn a_killed_run_resumes_to_the_same_bytes() {
    let whole = painter(Duration::ZERO);
    let bench = Bench::new(&whole);
    works(&bench.compile("whole", &["--candidates", "3"]).output().unwrap());
    let (all, wanted) = (whole.requests(), bench.program("whole"));

    let server = painter(Duration::from_millis(5));
    let bench = Bench::new(&server);
    let mut kills = 0;
    for share in [5, 2] {
        let mut child = bench.compile("killed", &["--candidates", "3"]).spawn().unwrap();
        wait_for(&mut child, &server, all / share);
        child.kill().unwrap();
        child.wait().unwrap();
        kills += 1;
        assert!(!bench.path("killed.json").exists());
    }
    works(&bench.compile("killed", &["--candidates", "3"]).output().unwrap());
    assert_eq!(bench.program("killed"), wanted);
    let repeated = server.requests() - all;
    assert!(repeated <= kills * CONCURRENCY, "{repeated} calls repeated");
    // A run that is over costs nothing.
    let before = server.requests();
    works(&bench.compile("killed", &["--candidates", "3"]).output().unwrap());
    assert_eq!(server.requests(), before);
}

#[cfg(unix)]
#[test]
fn ctrl_c_ends_a_run_that_can_be_resumed() {
    let server = painter(Duration::from_millis(5));
    let bench = Bench::new(&server);
    let mut child = bench.compile("stopped", &[]).spawn().unwrap();
    wait_for(&mut child, &server, 20);
    assert!(
        Command::new("kill")
            .args(["-INT", &child.id().to_string()])
            .status()
            .unwrap()
            .success()
    );
    fails(
        &child.wait_with_output().unwrap(),
        130,
        "the same command goes on from here",
    );
    works(&bench.compile("stopped", &[]).output().unwrap());
    let fresh = painter(Duration::ZERO);
    let bench_two = Bench::new(&fresh);
    works(&bench_two.compile("fresh", &[]).output().unwrap());
    assert_eq!(bench.program("stopped"), bench_two.program("fresh"));
}

#[test]
fn the_budget_is_exact() {
    for budget in [1, 17, 40] {
        let server = painter(Duration::ZERO);
        let bench = Bench::new(&server);
        let text = budget.to_string();
        let report = works(
            &bench
                .compile("budget", &["--budget-calls", &text])
                .output()
                .unwrap(),
        );
        assert_eq!(server.requests(), budget, "{report}");
        assert_eq!(report["spent"]["calls"], json!(budget));

        let rows = run(&[
            "eval",
            "-s",
            SIGNATURE,
            "--lm",
            "openai/m",
            "--base-url",
            &server.url(),
            "--data",
            &bench.train,
            "--metric",
            "exact:label",
            "--budget-calls",
            &text,
            "--json",
        ]);
        let summary = works(&rows);
        assert_eq!(server.requests(), budget + budget.min(24), "{summary}");
        assert_eq!(summary["not_run"], json!(24 - budget.min(24)));
    }
}

#[test]
fn a_budget_counts_retries_as_the_server_does() {
    let server = FakeServer::programmed(|n, _| match n % 2 {
        0 => Reply::server_error().header("retry-after", "0"),
        _ => Reply::text("[[ ## label ## ]]\nred\n\n[[ ## completed ## ]]"),
    });
    let bench = Bench::new(&server);
    let report = works(
        &bench
            .compile("budget", &["--budget-calls", "30", "--concurrency", "1"])
            .output()
            .unwrap_or_else(|e| panic!("{e}")),
    );
    assert_eq!(report["spent"]["calls"], json!(server.requests()));
    assert!(server.requests() <= 30, "{}", server.requests());
}

#[test]
fn compiled_programs_run_and_rows_are_written() {
    let server = painter(Duration::ZERO);
    let bench = Bench::new(&server);
    works(
        &bench
            .compile("p", &["--optimizer", "labeled", "--module", "cot"])
            .output()
            .unwrap(),
    );
    let program = bench.path("p.json").display().to_string();
    let shown = run(&["state", "show", &program]);
    assert!(out(&shown).contains("reasoning"), "{}", out(&shown));

    let lm = ["--lm", "openai/m", "--base-url", &bench.url];
    let one = run(&[
        &["run", "-s", SIGNATURE, "--set", "text=item 4", "--json"],
        &lm[..],
    ]
    .concat());
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
            &["run", "-s", SIGNATURE, "--set", "text=a", "--lm", "openai/m"],
            "OPENAI_API_KEY",
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
        for (path, predictor) in first
            .as_object()
            .unwrap()
            .iter()
            .filter(|(path, _)| *path != "metadata")
        {
            for part in ["/demos", "/signature/instructions"] {
                assert_eq!(
                    predictor.pointer(part),
                    again[path].pointer(part),
                    "{name} {path} {part}"
                );
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
