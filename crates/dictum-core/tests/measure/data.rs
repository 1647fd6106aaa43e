use dictum_core::data::{Example, Format, Loader, overlap, split};
use dictum_core::signature::{FieldSpec, SignatureSpec};
use dictum_core::types::{Kind, Type};
use dictum_core::{Record, record};
use proptest::prelude::*;
use serde_json::json;

fn spec() -> SignatureSpec {
    let optional = Type::new(Kind::Optional(Box::new(Type::int())));
    SignatureSpec::new(
        "",
        None,
        [
            FieldSpec::input("text", Type::str()),
            FieldSpec::input("count", Type::int()),
            FieldSpec::input("limit", optional),
            FieldSpec::output("label", Type::str()),
            FieldSpec::output("score", Type::float()),
        ],
    )
    .unwrap()
}

fn load(loader: &Loader, text: impl AsRef<[u8]>, format: Format) -> dictum_core::Result<Vec<Example>> {
    loader.read(text.as_ref(), "dev", format)
}

fn error(loader: &Loader, text: impl AsRef<[u8]>, format: Format) -> String {
    load(loader, text, format).unwrap_err().to_string()
}

#[test]
fn csv_cells_are_read_by_the_type_of_their_field() {
    let text = "\u{feff}text,count,limit,label,score,source\r\n\"a \"\"quoted\"\" cell,\r\nof two lines\",3,,yes,0.5,7\r\n 12 ,4,5,,,\r\n";
    let rows = load(&Loader::for_signature(&spec()), text, Format::Csv).unwrap();
    assert_eq!(
        rows[0].inputs(),
        &record! { text: "a \"quoted\" cell,\r\nof two lines", count: 3, limit: () }
    );
    assert_eq!(
        rows[0].labels(),
        &record! { label: "yes", score: 0.5, source: "7" }
    );
    // Text keeps its spaces and is no number; an empty label of type float is not known.
    assert_eq!(rows[1].inputs(), &record! { text: " 12 ", count: 4, limit: 5 });
    assert_eq!(rows[1].labels(), &record! { label: "", source: "" });
}

#[test]
fn csv_errors_name_line_and_column() {
    let loader = Loader::for_signature(&spec());
    let head = "text,count,label";
    for (text, wanted) in [
        (
            format!("{head}\r\n\"a\r\nb\",1,x\r\n\r\nc,many,x\r\n"),
            "dev:5: column `count`: ",
        ),
        (
            format!("{head}\na,,x\n"),
            "dev:2: column `count`: the cell is empty and the field is not optional",
        ),
        (
            format!("{head}\na,1,x\nb,2\n"),
            "dev:3: the row has 2 cells and the header 3",
        ),
        (
            "text,label\na,b\n".into(),
            "dev:1: the input `count` has no column; the columns are `text`, `label`",
        ),
        (
            "text,count,text\na,1,b\n".into(),
            "dev:1: the column `text` stands twice",
        ),
        (
            format!("{head}\na,1,x\nb,2,\"x\nc,3,y\nd,4,z\n"),
            "dev:3: a quote that opens in this row is never closed",
        ),
        (format!("{head}\n"), "dev: it has a header and no rows"),
        ("\u{feff} \n".into(), "dev: it is empty"),
    ] {
        let found = error(&loader, &text, Format::Csv);
        assert!(found.starts_with(wanted), "{text:?}: {found}");
    }
}

#[test]
fn a_column_without_a_name_and_inches_are_no_faults() {
    let rows = load(
        &Loader::with_inputs(["size"]),
        ",size\n0,5\" pipe\n1,3\" pipe",
        Format::Csv,
    )
    .unwrap();
    assert_eq!(rows[1].inputs(), &record! { size: "3\" pipe" });
    assert_eq!(rows[1].labels(), &record! { column_1: "1" });
}

#[test]
fn text_that_is_not_utf8_is_refused_with_its_place() {
    let loader = Loader::with_inputs(["text"]);
    let latin1 = b"text,label\nna\xC3\xAFve caf\xE9,x\n";
    assert_eq!(
        error(&loader, latin1, Format::Csv),
        "dev:2:10: byte 0xE9 is not UTF-8 here; save the file as UTF-8"
    );
    assert!(error(&loader, b"\xFF\xFEt\0e\0", Format::Csv).contains("UTF-16"));
}

#[test]
fn json_lines_and_arrays_give_the_same_examples() {
    let loader = Loader::with_inputs(["q"]).rename("question", "q");
    let lines =
        "{\"question\": \"a\", \"answers\": [\"x\", \"y\"]}\r\n\n{\"answers\": null, \"question\": 3}\n";
    let array =
        "[{\"question\": \"a\", \"answers\": [\"x\", \"y\"]},\n {\"answers\": null, \"question\": 3}]";
    let rows = load(&loader, lines, Format::Jsonl).unwrap();
    assert_eq!(rows, load(&loader, array, Format::Json).unwrap());
    assert_eq!(rows[0].inputs(), &record! { q: "a" });
    assert_eq!(rows[0].labels().get("answers"), Some(&json!(["x", "y"])));
}

#[test]
fn json_errors_name_line_and_column_in_characters() {
    let loader = Loader::with_inputs(["q"]);
    for (text, format, wanted) in [
        (
            "{\"q\": \"ok\"}\n{\"q\": \"äöü\", x}\n",
            Format::Jsonl,
            "dev:2:14: not JSON: key must be a string",
        ),
        (
            "{\"q\": 1}\n[1]\n",
            Format::Jsonl,
            "dev:2: a row must be an object, found [1]",
        ),
        (
            "{\"q\": 1}\n{\"p\": 1}\n",
            Format::Jsonl,
            "dev:2: the input `q` is missing; the keys are `p`",
        ),
        (
            "[\n{\"q\": 1}\n]",
            Format::Jsonl,
            "dev:1:1: not JSON: EOF while parsing a list; each line must hold",
        ),
        (
            "[\n  {\"q\": 1},\n  {\"q\" 2}\n]",
            Format::Json,
            "dev:3:8: not JSON: expected `:`",
        ),
        (
            "[{\"q\": 1}, {}]",
            Format::Json,
            "dev: row 2: the input `q` is missing; the keys are none",
        ),
        ("{\"q\": 1}", Format::Json, "dev: it must hold an array"),
    ] {
        let found = error(&loader, text, format);
        assert!(found.starts_with(wanted), "{found}");
    }
}

#[test]
fn a_path_says_its_format() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("dev.TSV");
    std::fs::write(&path, "q\tlabel\na, b\tx\n").unwrap();
    let rows = Loader::with_inputs(["q"]).path(&path).unwrap();
    assert_eq!(rows[0].inputs(), &record! { q: "a, b" });
    for (name, wanted) in [("x.csv", "can't be opened"), ("x.parquet", "ends in .csv")] {
        let error = Loader::with_inputs(["q"])
            .path(folder.path().join(name))
            .unwrap_err();
        assert!(error.to_string().contains(wanted), "{error}");
    }
}

fn numbered(n: usize) -> Vec<Example> {
    (0..n)
        .map(|i| Example::new(record! { q: i }, record! { a: i % 3 }))
        .collect()
}

#[test]
fn a_split_follows_from_seed_and_content_not_from_order() {
    let all = numbered(100);
    let parts = split(&all, 7, [0.6, 0.2, 0.2]);
    assert_eq!([60, 20, 20], parts.each_ref().map(Vec::len));
    let mut reversed = all.clone();
    reversed.reverse();
    assert_eq!(parts, split(&reversed, 7, [3.0, 1.0, 1.0]));
    assert_ne!(parts, split(&all, 8, [0.6, 0.2, 0.2]));
    let mut ids: Vec<&str> = parts.iter().flatten().map(Example::id).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 100);
}

#[test]
fn the_same_inputs_never_stand_in_two_parts() {
    // Every question three times, with other answers.
    let all: Vec<Example> = (0..90)
        .map(|i| Example::new(record! { q: i / 3 }, record! { a: i }))
        .collect();
    for seed in 0..20 {
        let [train, test] = split(&all, seed, [0.5, 0.5]);
        assert!(overlap(&train, &test).is_empty());
        assert_eq!(train.len() + test.len(), 90);
        assert!((40..=50).contains(&train.len()), "{}", train.len());
    }
    let leak = Example::new(all[4].inputs().clone(), record! { a: "other" });
    let test = [Example::new(record! { q: 99 }, record! {}), leak];
    assert_eq!(overlap(&all, &test), [(3, 1), (4, 1), (5, 1)]);
}

proptest! {
    #[test]
    fn any_cells_survive_csv(cells in prop::collection::vec(("\\PC*|[\"\\r\\n, ]*", ".*"), 1..6)) {
        let mut file = csv::Writer::from_writer(Vec::new());
        file.write_record(["text", "label"]).unwrap();
        for (text, label) in &cells {
            file.write_record([text, label]).unwrap();
        }
        let bytes = file.into_inner().unwrap();
        let rows = load(&Loader::with_inputs(["text"]), bytes, Format::Csv).unwrap();
        let read: Vec<(String, String)> = rows
            .iter()
            .map(|row| {
                let text = |record: &Record, name| record.text(name).unwrap().to_owned();
                (text(row.inputs(), "text"), text(row.labels(), "label"))
            })
            .collect();
        prop_assert_eq!(read, cells);
    }

    #[test]
    fn no_file_makes_the_loader_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), text in "[\\[\\]{}\",:ab\\n1-]*") {
        for format in [Format::Csv, Format::Tsv, Format::Jsonl, Format::Json] {
            let _ = load(&Loader::for_signature(&spec()), &bytes, format);
            let _ = load(&Loader::with_inputs(["a"]), &text, format);
        }
    }
}
