//! The threads that wait for the disk, so that callers don't.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::{SystemTime, UNIX_EPOCH};

use dictum_core::lm::{Digest, Response};
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};
use tokio::sync::oneshot;

use crate::options::Keeping;

/// One answer as it is kept.
pub(crate) struct Entry {
    sum: i64,
    answer: String,
}

impl Entry {
    pub(crate) fn of(response: &Response) -> Option<Self> {
        let answer = serde_json::to_string(response).ok()?;
        Some(Self {
            sum: sum(&answer),
            answer,
        })
    }

    /// The answer, unless it is damaged.
    pub(crate) fn response(&self) -> Option<Response> {
        if self.sum != sum(&self.answer) {
            return None;
        }
        serde_json::from_str(&self.answer).ok()
    }
}

fn sum(answer: &str) -> i64 {
    Digest::of_bytes(answer.as_bytes()).to_u64().cast_signed()
}

/// A thread and the way to give it work. It ends when this is dropped, after the work it has.
struct Worker<J> {
    jobs: Option<Sender<J>>,
    thread: Option<JoinHandle<()>>,
}

impl<J: Send + 'static> Worker<J> {
    /// `None` when the system has no thread to give.
    fn start(name: &str, work: impl FnOnce(Receiver<J>) + Send + 'static) -> Option<Self> {
        let (jobs, queue) = channel();
        let thread = std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || work(queue))
            .ok()?;
        Some(Self {
            jobs: Some(jobs),
            thread: Some(thread),
        })
    }

    fn give(&self, job: J) {
        // A thread that is gone drops the job's answer channel, which the caller sees.
        if let Some(jobs) = &self.jobs {
            jobs.send(job).ok();
        }
    }
}

impl<J> Drop for Worker<J> {
    fn drop(&mut self) {
        drop(self.jobs.take());
        if let Some(thread) = self.thread.take()
            && thread.thread().id() != std::thread::current().id()
        {
            thread.join().ok();
        }
    }
}

type Found = Result<Option<Entry>, ()>;

/// Reads entries.
pub(crate) struct Reader(Worker<(Digest, oneshot::Sender<Found>)>);

impl Reader {
    pub(crate) fn start(connection: Connection, keeping: Keeping) -> Option<Self> {
        let worker = Worker::start(
            "dictum-cache-read",
            move |queue: Receiver<(Digest, oneshot::Sender<Found>)>| {
                for (key, reply) in queue {
                    // A caller who has gone wants nothing read.
                    if !reply.is_closed() {
                        reply.send(read(&connection, &key, oldest(keeping))).ok();
                    }
                }
            },
        )?;
        Some(Self(worker))
    }

    /// The entry under this key; an error when the file can't be read.
    pub(crate) async fn read(&self, key: Digest) -> Found {
        let (reply, found) = oneshot::channel();
        self.0.give((key, reply));
        found.await.unwrap_or(Err(()))
    }
}

fn read(connection: &Connection, key: &Digest, oldest: i64) -> Found {
    let found = connection
        .prepare_cached("SELECT sum, answer FROM answers WHERE key = ?1 AND created >= ?2")
        .and_then(|mut query| {
            query
                .query_row(params![key.as_bytes(), oldest], |row| {
                    Ok(Entry {
                        sum: row.get(0)?,
                        answer: row.get(1)?,
                    })
                })
                .optional()
        });
    found.map_err(drop)
}

struct Write {
    key: Digest,
    entry: Entry,
    done: oneshot::Sender<bool>,
}

/// Writes entries.
pub(crate) struct Writer(Worker<Write>);

/// Most entries of one transaction, so that other processes get their turn.
const BATCH: usize = 256;

impl Writer {
    pub(crate) fn start(mut connection: Connection, keeping: Keeping) -> Option<Self> {
        let worker = Worker::start("dictum-cache-write", move |queue: Receiver<Write>| {
            remove_old(&connection, keeping);
            while let Ok(first) = queue.recv() {
                // What came meanwhile goes into the same transaction.
                let batch: Vec<Write> = std::iter::once(first)
                    .chain(queue.try_iter().take(BATCH - 1))
                    .collect();
                let written = write(&mut connection, &batch).is_ok();
                for job in batch {
                    job.done.send(written).ok();
                }
                // After the callers have their answers; what fails now succeeds the next time.
                make_room(&mut connection, keeping).ok();
            }
        })?;
        Some(Self(worker))
    }

    /// Writes an entry; true when it is committed.
    pub(crate) async fn write(&self, key: Digest, entry: Entry) -> bool {
        let (done, written) = oneshot::channel();
        self.0.give(Write { key, entry, done });
        written.await.unwrap_or(false)
    }
}

fn write(connection: &mut Connection, batch: &[Write]) -> Result<(), rusqlite::Error> {
    let now = now();
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    {
        let mut insert = transaction.prepare_cached(
            "INSERT OR REPLACE INTO answers (key, created, sum, answer) VALUES (?1, ?2, ?3, ?4)",
        )?;
        for Write { key, entry, .. } in batch {
            insert.execute(params![key.as_bytes(), now, entry.sum, entry.answer])?;
        }
    }
    transaction.commit()
}

/// Seconds since 1970.
fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}

/// When an answer must have been written to count.
fn oldest(keeping: Keeping) -> i64 {
    keeping
        .time_to_live
        .map_or(i64::MIN, |time| now().saturating_sub_unsigned(time.as_secs()))
}

fn remove_old(connection: &Connection, keeping: Keeping) {
    if keeping.time_to_live.is_some() {
        connection
            .execute("DELETE FROM answers WHERE created < ?1", [oldest(keeping)])
            .ok();
    }
}

/// Removes the tenth that was written first, again and again, while the answers take too much room. One transaction each, so that
/// of several processes that find it full at once only one makes room.
fn make_room(connection: &mut Connection, keeping: Keeping) -> Result<(), rusqlite::Error> {
    let Some(most) = keeping.max_bytes else {
        return Ok(());
    };
    while used(connection)? > most {
        remove_old(connection, keeping);
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        if used(&transaction)? <= most {
            return Ok(());
        }
        // Ids grow with each write, also of an answer that takes another's place.
        let removed = transaction.execute(
            "DELETE FROM answers WHERE rowid IN
                 (SELECT rowid FROM answers ORDER BY rowid LIMIT (SELECT count(*) / 10 + 1 FROM answers))",
            [],
        )?;
        transaction.commit()?;
        if removed == 0 {
            return Ok(());
        }
    }
    Ok(())
}

/// Bytes of the file that hold something.
fn used(connection: &Connection) -> Result<u64, rusqlite::Error> {
    let number = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let pages = number("page_count")? - number("freelist_count")?;
    Ok(pages.saturating_mul(number("page_size")?).unsigned_abs())
}
