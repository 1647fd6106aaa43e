//! Checksums, and remembering that one was right.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::ModelSpec;

/// What was verified, so that a later start need not read the whole file again.
#[derive(Serialize, Deserialize, PartialEq)]
struct Verified {
    sha256: String,
    bytes: u64,
    modified_ns: u128,
}

impl Verified {
    fn of(path: &Path, spec: &ModelSpec) -> Option<Self> {
        let metadata = fs::metadata(path).ok()?;
        let modified = metadata.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
        Some(Self {
            sha256: spec.sha256.to_owned(),
            bytes: metadata.len(),
            modified_ns: modified.as_nanos(),
        })
    }
}

/// Whether the file is the pinned one.
pub(crate) fn is_right(path: &Path, spec: &ModelSpec) -> bool {
    let Some(now) = Verified::of(path, spec) else {
        return false;
    };
    if now.bytes != spec.bytes {
        return false;
    }
    let known = fs::read(sidecar(path))
        .ok()
        .and_then(|json| serde_json::from_slice::<Verified>(&json).ok());
    if known.is_some_and(|known| known == now) {
        return true;
    }
    let right = sha256(path).is_ok_and(|found| found == spec.sha256);
    if right {
        remember(path, spec);
    }
    right
}

/// Notes that the file, as it is now, was verified. Failing to note it only means hashing it again.
pub(crate) fn remember(path: &Path, spec: &ModelSpec) {
    if let Some(json) = Verified::of(path, spec).and_then(|now| serde_json::to_vec(&now).ok())
        && let Err(error) = fs::write(sidecar(path), json)
    {
        tracing::debug!(%error, path = %path.display(), "could not note that the model is verified");
    }
}

fn sidecar(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".verified");
    name.into()
}

/// SHA-256 of a file, in hex.
pub(crate) fn sha256(path: &Path) -> io::Result<String> {
    let mut hasher = Sha256::new();
    let mut file = File::open(path)?;
    let mut buffer = vec![0; 1 << 20];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hex(hasher)),
            n => hasher.update(buffer.get(..n).unwrap_or_default()),
        }
    }
}

/// A finished hash in hex.
pub(crate) fn hex(hasher: Sha256) -> String {
    hasher
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
