//! What streaming costs: an answer read whole against the same answer in pieces, at two sizes (four times the text must take
//! about four times as long), and texts made to be slow to scan.
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
use dictum_core::parse::stream::FieldReader;
use dictum_core::parse::{self, Layout};
use dictum_core::signature::SignatureSpec;

const LAYOUTS: [Layout; 3] = [Layout::Chat, Layout::Json, Layout::Xml];

/// A long text, then a long list, of about this many bytes together.
fn answer(layout: Layout, size: usize) -> String {
    let row = r#"{"a": 1, "b": 22, "c": 333}"#;
    let rows = vec![row; (size / 2 / (row.len() + 2)).max(1)].join(", ");
    let text = "The text says so in its second sentence. ".repeat((size / 2 / 41).max(1));
    let text = text.trim();
    match layout {
        Layout::Chat => {
            format!("[[ ## text ## ]]\n{text}\n\n[[ ## rows ## ]]\n[{rows}]\n\n[[ ## completed ## ]]\n")
        }
        Layout::Json => format!("{{\"text\": \"{text}\", \"rows\": [{rows}]}}"),
        Layout::Xml => format!("<text>\n{text}\n</text>\n<rows>[{rows}]</rows>\n"),
    }
}

fn spec() -> SignatureSpec {
    SignatureSpec::parse("q -> text: str, rows: list[dict[str, int]]").unwrap()
}

/// Reads the pieces and gives how many events came.
fn stream(pieces: &[&str], layout: Layout, spec: &SignatureSpec) -> usize {
    let mut reader = FieldReader::new(layout, spec.outputs());
    let mut events = 0;
    for piece in pieces {
        reader.push(piece);
        while reader.next_event().is_some() {
            events += 1;
        }
    }
    let answer = parse::fields(reader.text(), layout, spec.outputs());
    events + reader.finish(&answer).len()
}

fn pieces(text: &str, length: usize) -> Vec<&str> {
    let mut cut = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let mut at = length.min(rest.len());
        while !rest.is_char_boundary(at) {
            at += 1;
        }
        let (piece, more) = rest.split_at(at);
        cut.push(piece);
        rest = more;
    }
    cut
}

fn answers(c: &mut Criterion) {
    let spec = spec();
    for (name, size) in [("100 KB", 100 << 10), ("400 KB", 400 << 10)] {
        for layout in LAYOUTS {
            let text = answer(layout, size);
            let mut group = c.benchmark_group(format!("{layout:?} {name}"));
            group
                .throughput(Throughput::Bytes(text.len() as u64))
                .sample_size(20);
            group.bench_function("whole, parser alone", |b| {
                b.iter(|| parse::fields(black_box(&text), layout, spec.outputs()));
            });
            for length in [1, 4, 64] {
                let pieces = pieces(&text, length);
                assert!(stream(&pieces, layout, &spec) > 10);
                group.bench_function(format!("in pieces of {length}"), |b| {
                    b.iter(|| stream(black_box(&pieces), layout, &spec));
                });
            }
            group.finish();
        }
    }
}

fn hostile(c: &mut Criterion) {
    let spec = spec();
    let fill = |start: &str, piece: &str, size: usize| format!("{start}{}", piece.repeat(size / piece.len()));
    let made: [(&str, Layout, &str, &str); 13] = [
        ("open markers", Layout::Chat, "[[ ## text ## ]]\n", "[[ ## "),
        ("brackets", Layout::Chat, "[[ ## text ## ]]\n", "["),
        (
            "inline markers",
            Layout::Chat,
            "[[ ## text ## ]]\n",
            "x [[ ## rows ## ]] ",
        ),
        ("newlines", Layout::Chat, "[[ ## text ## ]]\nx", "\n"),
        ("tildes", Layout::Chat, "[[ ## text ## ]]\n", "~"),
        ("list of brackets", Layout::Chat, "[[ ## rows ## ]]\n", "[{"),
        ("angle brackets", Layout::Xml, "<text>", "<"),
        ("open tag", Layout::Xml, "<text><a b=\"", "x>"),
        ("open CDATA", Layout::Xml, "<text><![CDATA[", "]]"),
        ("ampersands", Layout::Xml, "<text>", "&"),
        ("backslashes", Layout::Json, "{\"text\": \"", "\\\\"),
        ("brackets in JSON", Layout::Json, "{\"rows\": ", "[{\"a\": "),
        ("closing in a text", Layout::Json, "{\"text\": \"", "}]"),
    ];
    for (name, layout, start, piece) in made {
        let mut group = c.benchmark_group(format!("hostile, {name}"));
        group.sample_size(10);
        for size in [64 << 10, 256 << 10] {
            let text = fill(start, piece, size);
            let pieces = pieces(&text, 4);
            group.throughput(Throughput::Bytes(text.len() as u64));
            group.bench_function(format!("{} KB", size >> 10), |b| {
                b.iter(|| {
                    let mut reader = FieldReader::new(layout, spec.outputs());
                    for piece in &pieces {
                        reader.push(piece);
                        while reader.next_event().is_some() {}
                    }
                    black_box(reader.text().len())
                });
            });
        }
        group.finish();
    }
}

criterion_group!(benches, answers, hostile);
criterion_main!(benches);
