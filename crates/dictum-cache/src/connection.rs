//! Opening the file, whatever state it is in.

use std::ffi::OsString;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, Error, ErrorCode, OpenFlags};

use crate::Status;

/// Version of the tables, kept in the file (`user_version`).
const SCHEMA: i32 = 1;
/// Marks the file as ours (`application_id`): "Dict" as a number.
const APPLICATION: i32 = 0x4469_6374;
/// How long a write waits for another process's.
const BUSY: Duration = Duration::from_secs(15);

/// How the file is to be used.
#[derive(Clone, Copy)]
pub(crate) enum Access {
    Read,
    /// `max_pages` bounds the file, for tests of a full disk.
    Write {
        max_pages: Option<u32>,
    },
}

/// What could be opened.
pub(crate) struct Opened {
    pub(crate) reader: Option<Connection>,
    pub(crate) writer: Option<Connection>,
    pub(crate) status: Status,
}

pub(crate) fn open(path: &Path, access: Access) -> Opened {
    let reason = match access {
        Access::Read => "opened to be read only".to_owned(),
        Access::Write { max_pages } => match open_to_write(path, max_pages) {
            Ok(writer) => match open_to_read(path) {
                Ok(reader) => {
                    return Opened {
                        reader: Some(reader),
                        writer: Some(writer),
                        status: Status::ReadWrite,
                    };
                }
                Err(error) => error.to_string(),
            },
            Err(error) => error.to_string(),
        },
    };
    match open_to_read(path) {
        Ok(reader) => Opened {
            reader: Some(reader),
            writer: None,
            status: Status::ReadOnly(reason),
        },
        Err(error) => Opened {
            reader: None,
            writer: None,
            status: Status::Off(error.to_string()),
        },
    }
}

fn open_to_write(path: &Path, max_pages: Option<u32>) -> Result<Connection, Error> {
    if let Some(folder) = path.parent() {
        // If it can't be made, opening the file says why.
        fs::create_dir_all(folder).ok();
    }
    match try_to_write(path) {
        Err(error) if is_damage(&error) && set_aside(path) => try_to_write(path),
        result => result,
    }
    .and_then(|connection| {
        if let Some(pages) = max_pages {
            connection.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(()))?;
        }
        Ok(connection)
    })
}

fn try_to_write(path: &Path) -> Result<Connection, Error> {
    let connection = Connection::open_with_flags(path, OpenFlags::default())?;
    connection.busy_timeout(BUSY)?;
    // SQLite does not wait for a change of mode as it does for a write, so several processes that make the file at once
    // must try again.
    retry_busy(|| connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(())))?;
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    retry_busy(|| make_tables(&connection))?;
    check_version(&connection)?;
    Ok(connection)
}

fn open_to_read(path: &Path) -> Result<Connection, Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let open = || {
        let connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(BUSY)?;
        check_version(&connection)?;
        Ok(connection)
    };
    match open() {
        // On a disk that can't be written, SQLite can't make the files beside it through which processes share it. No one
        // writes there, so the file may be read as it is.
        Err(error)
            if matches!(code(&error), Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly))
                && path.is_file() =>
        {
            let connection =
                Connection::open_with_flags(immutable(path), flags | OpenFlags::SQLITE_OPEN_URI)?;
            check_version(&connection)?;
            Ok(connection)
        }
        result => result,
    }
}

fn make_tables(connection: &Connection) -> Result<(), Error> {
    let version: i32 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if version != 0 {
        return Ok(());
    }
    connection.execute_batch(&format!(
        "BEGIN IMMEDIATE;
         CREATE TABLE IF NOT EXISTS answers (
             key BLOB PRIMARY KEY,
             -- Seconds since 1970.
             created INTEGER NOT NULL,
             -- Hash of the answer's bytes.
             sum INTEGER NOT NULL,
             -- JSON.
             answer TEXT NOT NULL
         );
         PRAGMA application_id = {APPLICATION};
         PRAGMA user_version = {SCHEMA};
         COMMIT;"
    ))
}

fn check_version(connection: &Connection) -> Result<(), Error> {
    let application: i32 = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let version: i32 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let problem = match (application, version) {
        (APPLICATION, SCHEMA) => return Ok(()),
        (APPLICATION, newer) => {
            format!("it was made by another version of Dictum (tables of version {newer}, not {SCHEMA})")
        }
        _ => "it is a database of another program".to_owned(),
    };
    let failure = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_MISUSE);
    Err(Error::SqliteFailure(failure, Some(problem)))
}

fn retry_busy(mut work: impl FnMut() -> Result<(), Error>) -> Result<(), Error> {
    const STEP: Duration = Duration::from_millis(10);
    for _ in 0..(BUSY.as_millis() / STEP.as_millis()) {
        match work() {
            Err(error)
                if matches!(
                    code(&error),
                    Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked)
                ) =>
            {
                std::thread::sleep(STEP);
            }
            result => return result,
        }
    }
    work()
}

fn code(error: &Error) -> Option<ErrorCode> {
    error.sqlite_error_code()
}

fn is_damage(error: &Error) -> bool {
    matches!(
        code(error),
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt)
    )
}

/// Moves a damaged file out of the way, with the files SQLite keeps beside it. False when it isn't (any more).
fn set_aside(path: &Path) -> bool {
    // Another process may have set it aside a moment ago, and the file there now may be a good one.
    let mut start = [0; 16];
    let good = fs::File::open(path)
        .and_then(|mut file| file.read_exact(&mut start))
        .is_ok_and(|()| {
            &start == b"SQLite format 3\0" && Connection::open(path).is_ok_and(|db| is_sound(&db))
        });
    if good {
        return true;
    }
    for end in ["-wal", "-shm"] {
        fs::remove_file(with_end(path, end)).ok();
    }
    fs::rename(path, with_end(path, ".damaged")).is_ok()
}

fn is_sound(connection: &Connection) -> bool {
    connection
        .query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))
        .is_ok()
}

fn with_end(path: &Path, end: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(end);
    PathBuf::from(name)
}

/// The address of a file that no one writes.
fn immutable(path: &Path) -> String {
    let mut uri = "file:".to_owned();
    for c in path.to_string_lossy().chars() {
        match c {
            '%' => uri.push_str("%25"),
            '?' => uri.push_str("%3f"),
            '#' => uri.push_str("%23"),
            c => uri.push(c),
        }
    }
    uri.push_str("?immutable=1");
    uri
}
