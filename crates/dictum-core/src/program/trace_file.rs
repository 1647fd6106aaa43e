//! A trace as a file.

use std::collections::VecDeque;
use std::fmt;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use super::recorded::{Line, RecordedStep, VERSION, fault, without_media};
use super::{Observer, Step};
use crate::error::Result;
use crate::lm::{Digest, Prefix};

/// Writes each step as it ends into a file of JSON lines, which `dictum inspect` shows and [`super::RecordedTrace`] reads.
///
/// ```no_run
/// # fn example(ctx: dictum_core::program::Context) -> dictum_core::Result<()> {
/// use std::sync::Arc;
/// use dictum_core::program::TraceWriter;
///
/// let trace = Arc::new(TraceWriter::create("run.trace.jsonl")?);
/// let ctx = ctx.with_shared_observer(trace.clone());
/// // ... call programs with `ctx` ...
/// let written = trace.finish()?;
/// # let _ = (ctx, written); Ok(()) }
/// ```
///
/// # Format
///
/// One JSON object per line, told apart by `kind`:
///
/// | kind | holds |
/// |---|---|
/// | `trace` | the first line: the `version` of the format, now 1 |
/// | `prefix` | `messages` that many calls share, under an `id`; stands before the first step that needs it, and may stand again |
/// | `step` | a [`RecordedStep`]; its calls name the `prefix` that stands before their own messages |
/// | `end` | the last line of a finished file: how many steps were `dropped` |
///
/// New fields may come within a version; readers skip those they don't know.
///
/// The file holds what was said: inputs, messages, answers. Not keys, addresses, [`crate::lm::Settings::extra`], providers'
/// raw payloads or the bytes of media. Nothing grows without bound: a step that does not fit into the file's limit
/// ([`TraceWriter::max_bytes`]) is counted as dropped. A line goes to the file in one write when its step ends, so a killed
/// program leaves all whole steps. A failing write never fails a call: [`TraceWriter::finish`] tells of it.
pub struct TraceWriter<W = File> {
    name: String,
    max_bytes: u64,
    state: Mutex<State<W>>,
}

struct State<W> {
    out: W,
    bytes: u64,
    written: Written,
    /// The prefixes written lately. One that was forgotten is written again.
    prefixes: VecDeque<Digest>,
    failure: Option<io::Error>,
    finished: bool,
}

/// What a [`TraceWriter`] wrote.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Written {
    /// Steps in the file.
    pub steps: u64,
    /// Steps that are not in it, because the file or the trace was full or a write failed.
    pub dropped: u64,
}

/// How many prefixes are remembered: a program seldom has more predictors.
const PREFIXES: usize = 256;
/// The default of [`TraceWriter::max_bytes`].
const MAX_BYTES: u64 = 256 << 20;
/// Room kept for the last line.
const END: u64 = 64;

impl TraceWriter {
    /// A new file of at most 256 MiB; one that is there is replaced.
    ///
    /// # Errors
    /// [`crate::Error::File`] when it can't be made.
    pub fn create(path: impl AsRef<Path>) -> Result<Self> {
        let name = path.as_ref().display().to_string();
        let file = File::create(path.as_ref()).map_err(|error| fault(&name, None, error.to_string()))?;
        Ok(Self {
            name,
            ..Self::new(file)
        })
    }
}

impl<W: Write + Send> TraceWriter<W> {
    /// A trace into anything that can be written to, of at most 256 MiB. Each line is one write.
    pub fn new(out: W) -> Self {
        Self {
            name: "the trace".to_owned(),
            max_bytes: MAX_BYTES,
            state: Mutex::new(State {
                out,
                bytes: 0,
                written: Written::default(),
                prefixes: VecDeque::new(),
                failure: None,
                finished: false,
            }),
        }
    }

    /// The same with another limit. Steps that would pass it are dropped.
    #[must_use]
    pub fn max_bytes(mut self, bytes: u64) -> Self {
        self.max_bytes = bytes;
        self
    }

    /// Writes the last line, flushes, and tells what was written. Steps that come later are not.
    ///
    /// # Errors
    /// [`crate::Error::File`] with the first write that failed.
    pub fn finish(&self) -> Result<Written> {
        self.finish_after(0)
    }

    pub(super) fn finish_after(&self, dropped: u64) -> Result<Written> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if !state.finished {
            state.finished = true;
            state.written.dropped += dropped;
            let end = Line::End {
                dropped: state.written.dropped,
            };
            let done = state.begin().and_then(|()| state.put(&line(&end)?));
            let done = done.and_then(|()| state.out.flush());
            if let Err(error) = done {
                state.failure.get_or_insert(error);
            }
        }
        match &state.failure {
            Some(error) => Err(fault(
                &self.name,
                None,
                format!(
                    "can't be written: {error}; {} steps are missing",
                    state.written.dropped
                ),
            )),
            None => Ok(state.written),
        }
    }

    pub(super) fn write(&self, step: &Step) {
        let recorded = line(&Line::Step(Box::new(RecordedStep::of(step))));
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.finished {
            return;
        }
        let result = recorded.and_then(|recorded| state.step(step, &recorded, self.max_bytes));
        match result {
            Ok(true) => state.written.steps += 1,
            Ok(false) => state.written.dropped += 1,
            Err(error) => {
                state.written.dropped += 1;
                state.failure.get_or_insert(error);
            }
        }
    }
}

impl<W: Write> State<W> {
    /// Writes the first line if nothing was written yet.
    fn begin(&mut self) -> io::Result<()> {
        if self.bytes > 0 {
            return Ok(());
        }
        self.put(&line(&Line::Trace { version: VERSION })?)
    }

    /// Writes a step and the prefixes it needs, unless that would be too much.
    fn step(&mut self, step: &Step, recorded: &[u8], max: u64) -> io::Result<bool> {
        if self.failure.is_some() {
            return Ok(false);
        }
        self.begin()?;
        let mut needed: Vec<(Digest, Vec<u8>)> = Vec::new();
        for call in &step.calls {
            let prefix: &Prefix = &call.request.prefix;
            if prefix.messages().is_empty() {
                continue;
            }
            let id = prefix.digest();
            if self.prefixes.contains(&id) || needed.iter().any(|(other, _)| *other == id) {
                continue;
            }
            let messages = without_media(prefix.messages());
            needed.push((
                id,
                line(&Line::Prefix {
                    id: id.to_string(),
                    messages,
                })?,
            ));
        }
        let wanted = recorded.len() + needed.iter().map(|(_, line)| line.len()).sum::<usize>();
        if self.bytes + wanted as u64 + END > max {
            return Ok(false);
        }
        for (id, line) in needed {
            self.put(&line)?;
            if self.prefixes.len() >= PREFIXES {
                self.prefixes.pop_front();
            }
            self.prefixes.push_back(id);
        }
        self.put(recorded)?;
        Ok(true)
    }

    fn put(&mut self, line: &[u8]) -> io::Result<()> {
        self.bytes += line.len() as u64;
        self.out.write_all(line)
    }
}

fn line(line: &Line) -> io::Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec(line)?;
    bytes.push(b'\n');
    Ok(bytes)
}

impl<W: Write + Send> Observer for TraceWriter<W> {
    fn on_step(&self, step: &Arc<Step>) {
        self.write(step);
    }
}

impl<W> fmt::Debug for TraceWriter<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TraceWriter")
            .field("name", &self.name)
            .field("max_bytes", &self.max_bytes)
            .finish_non_exhaustive()
    }
}
