//! The built command as people and scripts meet it, against a server on loopback.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice
)]

mod calls;
mod compile;
mod failures;
mod files;
mod finetune;
mod inspect;
mod knn;
mod runs;
#[cfg(feature = "local")]
mod serve;

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
        .env_remove("ANTHROPIC_API_KEY")
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

/// The arguments of an evaluation of [`SIGNATURE`] on this data.
fn eval<'a>(data: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let begin = ["eval", "-s", SIGNATURE, "--data", data];
    // A metric given in `more` stands alone: an option can't be given twice.
    let metric: &[&str] = if more.contains(&"--metric") {
        &[]
    } else {
        &["--metric", "exact:label"]
    };
    [&begin, metric, more].concat()
}

/// Nobody listens there.
const NOWHERE: [&str; 4] = ["--lm", "openai/m", "--base-url", "http://127.0.0.1:9/v1"];

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
        if !more.contains(&"--concurrency") {
            command.args(["--concurrency", &concurrency]);
        }
        command.args(["--seed", "7", "--json"]).args(more);
        command.arg("--run-dir").arg(self.path(&format!("run-{name}")));
        command.arg("--out").arg(self.path(&format!("{name}.json")));
        command
    }

    /// The options that name the model.
    fn lm(&self) -> [&str; 4] {
        ["--lm", "openai/m", "--base-url", &self.url]
    }

    /// Evaluates on this data.
    fn eval(&self, data: &str, more: &[&str]) -> Output {
        run(&eval(data, &[&self.lm(), more].concat()))
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
