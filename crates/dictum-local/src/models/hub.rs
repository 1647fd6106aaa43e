//! The model hub over HTTPS, going on where an earlier try stopped.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::verify;
use super::{FetchEvent, HubFile, ModelSpec, Progress, SourceError, Via};

/// The hub's address.
pub(crate) const DEFAULT: &str = "https://huggingface.co";

/// Where there is no way to the hub, that should show quickly: there is another source.
const CONNECT: Duration = Duration::from_secs(8);
const ANSWER: Duration = Duration::from_secs(30);
/// A connection that breaks is taken up again, as long as every try brings something.
const TRIES: u32 = 5;

/// Downloads the file next to its place; returns where it is.
pub(crate) fn fetch(
    base: &str,
    spec: &ModelSpec,
    dir: &Path,
    progress: &mut dyn Progress,
) -> Result<PathBuf, SourceError> {
    let HubFile { repo, revision, file } = spec.hub.ok_or(SourceError::NotThere)?;
    let url = format!("{}/{repo}/resolve/{revision}/{file}", base.trim_end_matches('/'));
    let part = dir.join(format!("{}.part", spec.file));
    let there = length(&part);
    progress.event(&FetchEvent::Start {
        name: spec.name,
        bytes: spec.bytes,
        there,
        via: Via::Hub,
        into: dir,
    });
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .timeout_connect(Some(CONNECT))
        .timeout_recv_response(Some(ANSWER))
        .http_status_as_error(false)
        .user_agent(concat!("dictum/", env!("CARGO_PKG_VERSION")))
        .build()
        .into();

    let mut tries = 0;
    while length(&part) < spec.bytes {
        let before = length(&part);
        match load(&agent, &url, spec, &part, progress) {
            Ok(()) => {}
            Err(error @ SourceError::Unreachable { .. }) if length(&part) > before && tries < TRIES => {
                tracing::debug!(%error, "connection lost, going on");
                tries += 1;
            }
            Err(error) => return Err(error),
        }
    }
    progress.event(&FetchEvent::Checking);
    let found = verify::sha256(&part).map_err(SourceError::io(&part))?;
    if found != spec.sha256 {
        fs::remove_file(&part).map_err(SourceError::io(&part))?;
        return Err(SourceError::Checksum {
            expected: spec.sha256.to_owned(),
            found,
        });
    }
    Ok(part)
}

/// One request, from where the file ends to its end.
fn load(
    agent: &ureq::Agent,
    url: &str,
    spec: &ModelSpec,
    part: &Path,
    progress: &mut dyn Progress,
) -> Result<(), SourceError> {
    let from = length(part);
    let mut request = agent.get(url);
    if from > 0 {
        request = request.header("Range", format!("bytes={from}-"));
    }
    let mut response = request.call().map_err(|error| unreachable(&error))?;
    let (mut out, mut done) = match response.status().as_u16() {
        206 => (
            OpenOptions::new()
                .append(true)
                .open(part)
                .map_err(SourceError::io(part))?,
            from,
        ),
        200 => (File::create(part).map_err(SourceError::io(part))?, 0),
        status => return Err(SourceError::Status { status }),
    };
    let mut body = response.body_mut().as_reader();
    let mut buffer = vec![0; 1 << 18];
    while done < spec.bytes {
        if progress.cancelled() {
            return Err(SourceError::Cancelled);
        }
        let n = body.read(&mut buffer).map_err(|error| unreachable(&error))?;
        if n == 0 {
            return Err(unreachable(&"the connection ended before the file did"));
        }
        out.write_all(buffer.get(..n).unwrap_or_default())
            .map_err(SourceError::io(part))?;
        done += n as u64;
        progress.event(&FetchEvent::Advanced {
            done,
            bytes: spec.bytes,
        });
    }
    Ok(())
}

fn unreachable(error: &dyn std::fmt::Display) -> SourceError {
    SourceError::Unreachable {
        cause: error.to_string(),
    }
}

fn length(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |metadata| metadata.len())
}
