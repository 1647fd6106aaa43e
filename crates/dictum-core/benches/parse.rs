//! How long the parser takes: clean answers of two sizes, and 1 MB of text made to be slow to read.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    missing_docs
)]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use dictum_core::parse::{self, Layout};
use dictum_core::signature::SignatureSpec;
use dictum_core::types::Schema;

const MEGABYTE: usize = 1 << 20;

fn outputs() -> SignatureSpec {
    SignatureSpec::parse("q -> reasoning: str, tags: list[str], score: float, rows: list[dict[str, int]]")
        .unwrap()
}

fn clean(layout: Layout, size: usize) -> String {
    let row = r#"{"a": 1, "b": 22, "c": 333}"#;
    let rows = vec![row; (size / 2 / (row.len() + 2)).max(1)].join(", ");
    let reasoning = "The text says so in its second sentence. ".repeat((size / 2 / 41).max(1));
    match layout {
        Layout::Chat => format!(
            "[[ ## reasoning ## ]]\n{reasoning}\n\n[[ ## tags ## ]]\n[\"a\", \"b\"]\n\n[[ ## score ## ]]\n0.5\n\n[[ ## rows ## ]]\n[{rows}]\n\n[[ ## completed ## ]]\n"
        ),
        Layout::Json => {
            format!(
                "{{\"reasoning\": \"{reasoning}\", \"tags\": [\"a\", \"b\"], \"score\": 0.5, \"rows\": [{rows}]}}"
            )
        }
        Layout::Xml => format!(
            "<reasoning>\n{reasoning}\n</reasoning>\n<tags><item>a</item></tags>\n<score>0.5</score>\n<rows>[{rows}]</rows>\n"
        ),
    }
}

fn clean_answers(c: &mut Criterion) {
    let one = SignatureSpec::parse("q -> answer: str").unwrap();
    let text = "[[ ## answer ## ]]\nParis\n\n[[ ## completed ## ]]\n";
    c.bench_function("one word, Chat", |b| {
        b.iter(|| parse::fields(black_box(text), Layout::Chat, one.outputs()))
    });
    let spec = outputs();
    for (name, size) in [("1 KB", 1 << 10), ("100 KB", 100 << 10)] {
        for layout in [Layout::Chat, Layout::Json, Layout::Xml] {
            let text = clean(layout, size);
            let answer = parse::fields(&text, layout, spec.outputs());
            assert!(
                answer.failures.is_empty() && answer.repairs.is_empty(),
                "{answer:?}"
            );
            let mut group = c.benchmark_group("clean");
            group.throughput(Throughput::Bytes(text.len() as u64));
            group.bench_function(format!("{layout:?} {name}"), |b| {
                b.iter(|| parse::fields(black_box(&text), layout, spec.outputs()));
            });
            group.finish();
        }
    }
}

fn hostile() -> Vec<(&'static str, String)> {
    let fill = |piece: &str| piece.repeat(MEGABYTE / piece.len());
    let noise = "He said \"no\", then {maybe} [1] it's `fine`: a < b && c, 3/4 of <b>it</b>.\n";
    let mut noisy = fill(noise);
    noisy.push_str("{\"answer\": [\"x\"]}");
    vec![
        ("all [", fill("[")),
        ("all {", fill("{")),
        ("all quotes", fill("\"")),
        ("all single quotes", fill("'")),
        ("all backslashes", fill("\\")),
        ("quote and backslashes", format!("{{\"a\": \"{}", fill("\\"))),
        ("alternating braces", fill("{}")),
        ("alternating brackets", fill("[]")),
        ("open list of quotes", format!("[{}", fill("\",\" "))),
        ("inner quotes", format!("{{\"a\": \"{}", fill("x\" y "))),
        ("keys without end", fill("{\"a\":")),
        ("keys in texts", format!("{{\"a\": \"{}", fill("x \"b ,"))),
        ("markers", fill("[[ ## answer ## ]]\n")),
        ("open markers", fill("[[ ## ")),
        ("double brackets", fill("[[")),
        ("tags", fill("<answer>")),
        ("closing tags", fill("</answer>")),
        ("nested tags", format!("<answer>{}", fill("<a><b></a>"))),
        ("angle brackets", fill("<")),
        ("open cdata", fill("<![CDATA[")),
        ("fences", fill("```\n")),
        ("open comments", fill("/*")),
        ("line comments", format!("{{{}", fill("//\n"))),
        ("bullets", fill("- a\n")),
        ("commas", fill(",")),
        ("colons", fill("a:\n")),
        ("digits", fill("1")),
        ("spaces", fill(" ")),
        ("newlines", fill("\n")),
        ("think tags", fill("<think>")),
        ("closing think tags", fill("</think>")),
        (
            "closing think tag in a text",
            format!(
                "{{\"answer\": \"{}</think>{{\"answer\": [1], \"other\": 1",
                fill("x\" y {")
            ),
        ),
        (
            "closing think tag before objects",
            format!(
                "{{\"answer\": ['</think>', {}",
                fill("{\"answer\": [1], \"other\": 1}, ")
            ),
        ),
        ("ampersands", format!("<answer>{}</answer>", fill("&"))),
        ("unquoted words", format!("[{}", fill("word "))),
        ("missing commas", format!("[{}", fill("1 "))),
        ("plus signs", format!("[{}", fill("\"a\"+"))),
        ("noise, then JSON", noisy),
    ]
}

fn timed(run: impl FnOnce()) -> std::time::Duration {
    let start = std::time::Instant::now();
    run();
    start.elapsed()
}

fn adversarial(c: &mut Criterion) {
    let types = [
        "str",
        "int",
        "bool",
        "Literal['a', 'b c']",
        "list[str]",
        "dict[str, Any]",
        "Union[int, list[str], dict[str, int]]",
        "Optional[list[dict[str, int]]]",
    ];
    let schemas: Vec<Schema> = types.iter().map(|ty| Schema::parse(ty).unwrap()).collect();
    let spec = SignatureSpec::parse("q -> answer: list[str], other: Union[int, dict[str, Any]]").unwrap();
    let mut group = c.benchmark_group("1 MB");
    group.sample_size(10);
    for (name, text) in hostile() {
        // The slowest way to read it counts.
        group.bench_function(format!("{name}, value"), |b| {
            let slowest = schemas
                .iter()
                .max_by_key(|schema| timed(|| drop(parse::value(&text, schema))))
                .unwrap();
            b.iter(|| parse::value(black_box(&text), slowest));
        });
        group.bench_function(format!("{name}, fields"), |b| {
            let layout = [Layout::Chat, Layout::Json, Layout::Xml]
                .into_iter()
                .max_by_key(|layout| timed(|| drop(parse::fields(&text, *layout, spec.outputs()))))
                .unwrap();
            b.iter(|| parse::fields(black_box(&text), layout, spec.outputs()));
        });
    }
    group.finish();
}

criterion_group!(benches, clean_answers, adversarial);
criterion_main!(benches);
