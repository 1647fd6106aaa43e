//! Compiling: the same bytes always, resumed or not, within the budget.

#[cfg(unix)]
use std::process::Command;
use std::time::Duration;

use dictum_testkit::{FakeServer, Reply};
use serde_json::json;

use crate::{Bench, CONCURRENCY, SIGNATURE, dictum, fails, painter, run, wait_for, works};

#[test]
fn the_same_seed_writes_the_same_bytes_with_every_optimizer() {
    for optimizer in [
        "auto",
        "labeled",
        "bootstrap",
        "random-search",
        "mipro-v2",
        "copro",
        "gepa",
        "simba",
        "infer-rules",
    ] {
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
        let one_at_a_time = [more, &["--concurrency", "1"]].concat();
        works(&bench.compile("two", &one_at_a_time).output().unwrap());
        assert_eq!(server.requests(), 2 * calls, "{optimizer}");
        assert_eq!(bench.program("one"), bench.program("two"), "{optimizer}");
        let text = String::from_utf8(bench.program("one")).unwrap();
        if ["labeled", "bootstrap", "random-search"].contains(&optimizer) {
            assert!(text.contains("\"demos\""), "{text}");
        }
        assert!(
            !text.contains(bench.folder.path().to_str().unwrap()) && !text.contains("127.0.0.1"),
            "{text}"
        );
    }
}

/// The calls of each model that a server saw.
fn calls_of(server: &FakeServer, model: &str) -> usize {
    let seen = server.seen();
    seen.iter()
        .filter(|request| request.body["model"] == model)
        .count()
}

#[test]
fn optimizers_work_one_after_another() {
    let server = painter(Duration::ZERO);
    let bench = Bench::new(&server);
    // Of the settings each takes its own.
    let both = [
        "--optimizer",
        "simba,random-search",
        "--candidates",
        "2",
        "--max-bootstrapped",
        "3",
    ];
    let foreseen = works(
        &bench
            .compile("dry", &[&both[..], &["--dry-run"]].concat())
            .output()
            .unwrap(),
    );
    assert_eq!(server.requests(), 0);
    let phases = foreseen["phases"].to_string();
    assert!(
        phases.contains("1 Simba: ") && phases.contains("2 BootstrapRandomSearch: "),
        "{phases}"
    );
    let report = works(&bench.compile("one", &both).output().unwrap());
    let calls = server.requests();
    assert_eq!(report["spent"]["calls"], json!(calls));
    let notes = report["notes"].to_string();
    assert!(
        notes.contains("Simba (step 1)") && notes.contains("BootstrapRandomSearch (step 2)"),
        "{notes}"
    );
    works(&bench.compile("one", &both).output().unwrap());
    assert_eq!(server.requests(), calls, "a run that is over costs nothing");
    let one_at_a_time = [&both[..], &["--concurrency", "1"]].concat();
    works(&bench.compile("two", &one_at_a_time).output().unwrap());
    assert_eq!(bench.program("one"), bench.program("two"));
    let budget = [&both[..], &["--budget-calls", "90"]].concat();
    let report = works(&bench.compile("little", &budget).output().unwrap());
    assert_eq!(report["spent"]["calls"], json!(server.requests() - 2 * calls));
    assert!(report["spent"]["calls"].as_u64().unwrap() <= 90, "{report}");
}

#[test]
fn a_teacher_shows_how() {
    let server = shop(false);
    let bench = Bench::new(&server);
    let taught = [
        "--optimizer",
        "bootstrap",
        "--max-labeled",
        "0",
        "--teacher",
        "openai/gpt-4.1",
    ];
    let foreseen = works(
        &bench
            .compile("dry", &[&taught[..], &["--dry-run"]].concat())
            .output()
            .unwrap(),
    );
    assert!(
        foreseen["by_model"]["openai/gpt-4.1"]["input_tokens"]
            .as_u64()
            .unwrap()
            > 0,
        "{foreseen}"
    );
    let report = works(&bench.compile("taught", &taught).output().unwrap());
    // The program's own model is never right here: what it is shown, the other one made.
    assert!(calls_of(&server, "gpt-4.1") >= 4, "{report}");
    assert!(calls_of(&server, "m") > 0);
    let last = server.seen().pop().unwrap().body;
    assert!(last["messages"].as_array().unwrap().len() > 4, "{last}");
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
fn interrupt(child: &std::process::Child) {
    let id = child.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-INT", &id])
            .status()
            .unwrap()
            .success()
    );
}

#[cfg(unix)]
#[test]
fn ctrl_c_saves_the_best_so_far_and_the_run_goes_on_later() {
    let server = painter(Duration::from_millis(5));
    let bench = Bench::new(&server);
    let mut child = bench.compile("stopped", &[]).spawn().unwrap();
    wait_for(&mut child, &server, 20);
    interrupt(&child);
    let ended = child.wait_with_output().unwrap();
    let told = String::from_utf8_lossy(&ended.stdout).into_owned();
    assert!(told.contains("was stopped"), "{told}");
    fails(
        &ended,
        130,
        "the best so far is saved; the same command goes on from here",
    );
    assert!(bench.path("stopped.json").exists());
    let before = server.requests();
    let report = works(&bench.compile("stopped", &["--resume"]).output().unwrap());
    let fresh = painter(Duration::ZERO);
    let bench_two = Bench::new(&fresh);
    works(&bench_two.compile("fresh", &[]).output().unwrap());
    assert_eq!(bench.program("stopped"), bench_two.program("fresh"));
    assert!(before > 0 && server.requests() == fresh.requests());
    assert_eq!(report["spent"]["calls"], json!(fresh.requests()));
}

#[cfg(unix)]
#[test]
fn ctrl_c_twice_ends_at_once() {
    let server = painter(Duration::from_secs(60));
    let bench = Bench::new(&server);
    let mut child = bench.compile("twice", &[]).spawn().unwrap();
    wait_for(&mut child, &server, 1);
    interrupt(&child);
    std::thread::sleep(Duration::from_millis(300));
    assert!(
        child.try_wait().unwrap().is_none(),
        "calls in flight were dropped"
    );
    interrupt(&child);
    fails(
        &child.wait_with_output().unwrap(),
        130,
        "interrupted; the same command goes on",
    );
    assert!(!bench.path("twice.json").exists());
}

#[test]
fn a_dry_run_calls_nothing_and_writes_nothing() {
    let server = painter(Duration::ZERO);
    let bench = Bench::new(&server);
    let forecast = works(&bench.compile("dry", &["--dry-run"]).output().unwrap());
    assert_eq!(server.requests(), 0);
    assert!(!bench.path("dry.json").exists() && !bench.path("run-dry").exists());
    let report = works(&bench.compile("real", &[]).output().unwrap());
    let (foreseen, made) = (
        forecast["calls"].as_f64().unwrap(),
        report["spent"]["calls"].as_f64().unwrap(),
    );
    assert!(
        (0.6..1.6).contains(&(foreseen / made)),
        "{foreseen} calls foreseen, {made} made"
    );
    assert!(forecast["usage"]["input_tokens"].as_u64().unwrap() > 1_000);
}

#[test]
fn a_dry_run_prices_every_model_that_would_be_called() {
    let server = painter(Duration::ZERO);
    let bench = Bench::new(&server);
    let forecast = |models: &[&str]| {
        let what = [
            "compile",
            "--dry-run",
            "--signature",
            SIGNATURE,
            "--metric",
            "exact:label",
            "--json",
        ];
        let data = [
            "--train",
            &bench.train,
            "--val",
            &bench.val,
            "--optimizer",
            "cheapest-within",
        ];
        let mut command = dictum(&what);
        // Nothing is sent, so any key will do.
        works(
            &command
                .args(data)
                .args(models)
                .env("OPENAI_API_KEY", "none")
                .output()
                .unwrap(),
        )
    };
    let both = ["--lm", "openai/gpt-4.1", "--lms", "openai/gpt-4.1-nano"];
    let told = forecast(&both);
    let tokens =
        |told: &serde_json::Value, model: &str| told["by_model"][model]["input_tokens"].as_u64().unwrap();
    let (dear, cheap) = (tokens(&told, both[1]), tokens(&told, both[3]));
    assert!(dear > 0 && cheap > 0, "{told}");
    assert_eq!(told["usage"]["input_tokens"].as_u64().unwrap(), dear + cheap);
    let price = told["cost_usd"].as_f64().unwrap();
    // The same calls of the cheap model alone cost far less.
    let alone = forecast(&["--lm", "openai/gpt-4.1-nano", "--try-temperatures", "0,0.5"]);
    assert!(
        price > 3.0 * alone["cost_usd"].as_f64().unwrap(),
        "{told} {alone}"
    );
    let elsewhere = forecast(&[&both[..], &["--base-url", &bench.url]].concat());
    assert_eq!(elsewhere["cost_usd"], json!(null), "nobody knows prices there");
    assert_eq!(server.requests(), 0);
}

#[test]
fn resuming_wants_a_run_and_settings_want_their_optimizer() {
    let server = painter(Duration::ZERO);
    let bench = Bench::new(&server);
    let no_run = bench.compile("none", &["--resume"]).output().unwrap();
    fails(&no_run, 2, "holds no run");
    let not_its = ["--optimizer", "bootstrap", "--candidates", "3"];
    let refused = bench.compile("none", &not_its).output().unwrap();
    fails(&refused, 2, "--candidates: is no setting of BootstrapFewShot");
    let of_none = ["--optimizer", "simba,random-search", "--rollouts", "9"];
    let refused = bench.compile("none", &of_none).output().unwrap();
    fails(
        &refused,
        2,
        "--rollouts: is no setting of Simba, BootstrapRandomSearch",
    );
    let no_proposals = ["--optimizer", "random-search", "--proposer", "openai/other"];
    let refused = bench.compile("none", &no_proposals).output().unwrap();
    fails(&refused, 2, "--proposer: is no setting of BootstrapRandomSearch");
    assert_eq!(server.requests(), 0);
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

        let rows = bench.eval(&bench.train, &["--budget-calls", &text, "--json"]);
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
            .unwrap(),
    );
    assert_eq!(report["spent"]["calls"], json!(server.requests()));
    assert!(server.requests() <= 30, "{}", server.requests());
}

/// Two models, of which the dear one is always right and says much. At this address nobody knows prices.
fn shop(cheap_is_good: bool) -> FakeServer {
    FakeServer::programmed(move |_, body| {
        let asked = body["messages"].as_array().unwrap().last().unwrap()["content"].clone();
        let digits = asked.as_str().unwrap().split("item ").nth(1).unwrap_or("0");
        let digits: String = digits.chars().take_while(char::is_ascii_digit).collect();
        let number: usize = digits.parse().unwrap_or(0);
        let right = cheap_is_good || body["model"] == "gpt-4.1";
        let color = crate::COLORS[(number + usize::from(!right)) % 3];
        let prose = if body["model"] == "gpt-4.1" {
            "Let me see what colour this item has. "
        } else {
            ""
        };
        Reply::text(format!(
            "{prose}\n[[ ## label ## ]]\n{color}\n\n[[ ## completed ## ]]"
        ))
    })
}

#[test]
fn the_cheapest_model_that_is_good_enough_is_named_in_the_program() {
    for good in [true, false] {
        let server = shop(good);
        let bench = Bench::new(&server);
        let space = [
            "--optimizer",
            "cheapest-within",
            "--lm",
            "openai/gpt-4.1",
            "--lms",
            "openai/gpt-4.1-nano",
            "--points",
            "40",
        ];
        let mut command = dictum(&[
            "compile",
            "--signature",
            SIGNATURE,
            "--metric",
            "exact:label",
            "--json",
        ]);
        let out = bench.path("cheap.json");
        let out = out.to_str().unwrap();
        let data = [
            "--base-url",
            &bench.url,
            "--train",
            &bench.train,
            "--val",
            &bench.val,
            "--out",
            out,
        ];
        let report = works(&command.args(space).args(data).output().unwrap());
        let text = String::from_utf8(bench.program("cheap")).unwrap();
        assert_eq!(text.contains("\"lm\": \"openai/gpt-4.1-nano\""), good, "{report}");
        let outcome = if good { "cheaper" } else { "no_significant_gain" };
        assert_eq!(report["outcome"], outcome, "{report}");
        assert!(
            report["notes"].to_string().contains("compared by tokens"),
            "{report}"
        );
        if !good {
            continue;
        }
        // The program wants the model it names, and says so.
        let set = ["--set", "text=item 4"];
        let lm = ["--lm", "openai/gpt-4.1", "--base-url", &bench.url];
        let call = ["run", "--program", out, "--json"];
        fails(
            &run(&[&call[..], &set, &lm].concat()),
            2,
            "wants the model `openai/gpt-4.1-nano`",
        );
        let before = server.requests();
        let with = ["--lms", "openai/gpt-4.1-nano"];
        let said = works(&run(&[&call[..], &set, &lm, &with].concat()));
        assert_eq!(said["fields"]["label"], crate::COLORS[1]);
        assert_eq!(server.requests(), before + 1);
        // A recompile begins with what the program has.
        let again = ["compile", "--program", out, "--metric", "exact:label", "--json"];
        let same = [
            "--optimizer",
            "cheapest-within",
            "--lm",
            "openai/gpt-4.1",
            "--points",
            "40",
        ];
        let copy = bench.path("again.json");
        let data = [&data[..7], &[copy.to_str().unwrap()]].concat();
        let report = works(&run(&[
            &again[..],
            &same,
            &with,
            &["--try-temperatures", "0.5"],
            &data,
        ]
        .concat()));
        assert_eq!(report["changes"], "", "{report}");
        assert_eq!(bench.program("again"), bench.program("cheap"));
    }
    let server = shop(true);
    let bench = Bench::new(&server);
    fails(
        &bench.compile("refused", &["--points", "2"]).output().unwrap(),
        2,
        "--points: is no setting of BootstrapRandomSearch",
    );
}
