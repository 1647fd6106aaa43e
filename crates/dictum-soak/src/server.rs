//! The client's side of the server's process.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Mutex, PoisonError};

use serde_json::Value;

use crate::plan::Part;

/// The server, in a process of its own, so that its memory is not the client's. Ends when dropped.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    pipes: Mutex<Pipes>,
    pub(crate) main: u16,
    pub(crate) spare: u16,
    /// Servers that hang up, that listen and hang up, that are silent, that babble.
    pub(crate) rude: [u16; 4],
    /// TLS before the main server with a right certificate, one for another host, an expired and a self-signed one.
    pub(crate) tls: [u16; 4],
    /// What to trust for the first three, as PEM.
    pub(crate) root: String,
}

#[derive(Debug)]
struct Pipes {
    orders: ChildStdin,
    replies: BufReader<ChildStdout>,
}

/// How often a call was asked for, and how often it was answered rightly, by the server's count.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Known {
    pub(crate) requests: u64,
    pub(crate) answers: u64,
}

impl Server {
    pub(crate) fn start(seed: u64) -> Result<Self, String> {
        let own = std::env::current_exe().map_err(|error| format!("where am I? {error}"))?;
        let mut child = Command::new(own)
            .args(["--serve", "--seed", &seed.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("the server does not start: {error}"))?;
        let (Some(orders), Some(replies)) = (child.stdin.take(), child.stdout.take()) else {
            return Err("the server has no pipes".to_owned());
        };
        let mut pipes = Pipes {
            orders,
            replies: BufReader::new(replies),
        };
        let hello = pipes.reply()?;
        let port = |path: &str| {
            hello
                .pointer(path)
                .and_then(Value::as_u64)
                .and_then(|port| u16::try_from(port).ok())
                .ok_or_else(|| format!("the server does not say its ports: {hello}"))
        };
        Ok(Self {
            main: port("/main")?,
            spare: port("/spare")?,
            rude: [
                port("/rude/0")?,
                port("/rude/1")?,
                port("/rude/2")?,
                port("/rude/3")?,
            ],
            tls: [port("/tls/0")?, port("/tls/1")?, port("/tls/2")?, port("/tls/3")?],
            root: hello
                .pointer("/root")
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned(),
            child,
            pipes: Mutex::new(pipes),
        })
    }

    fn order(&self, order: &str) -> Result<Value, String> {
        let mut pipes = self.pipes.lock().unwrap_or_else(PoisonError::into_inner);
        writeln!(pipes.orders, "{order}")
            .and_then(|()| pipes.orders.flush())
            .map_err(|error| format!("the server takes no orders: {error}"))?;
        pipes.reply()
    }

    /// Ends the main server and all its connections.
    pub(crate) fn down(&self) -> Result<(), String> {
        self.order("down").map(drop)
    }

    /// Starts it again on its port.
    pub(crate) fn up(&self) -> Result<(), String> {
        self.order("up").map(drop)
    }

    /// Requests that are still in work when all calls have ended; waits a while for none.
    pub(crate) fn left_in_flight(&self) -> Result<u64, String> {
        Ok(self.order("settle")?.as_u64().unwrap_or(u64::MAX))
    }

    /// What the server knows of the calls of a part.
    pub(crate) fn ledger(&self, part: Part) -> Result<HashMap<u64, Known>, String> {
        let rows = self.order(&format!("ledger {}", part.name()))?;
        let row = |row: &Value| {
            let number = |at: usize| row.get(at).and_then(Value::as_u64);
            let known = Known {
                requests: number(1)?,
                answers: number(2)?,
            };
            Some((number(0)?, known))
        };
        let rows = rows.as_array().into_iter().flatten();
        rows.map(row)
            .collect::<Option<_>>()
            .ok_or_else(|| "the server's ledger can't be read".to_owned())
    }
}

impl Pipes {
    fn reply(&mut self) -> Result<Value, String> {
        let mut line = String::new();
        let read = self
            .replies
            .read_line(&mut line)
            .map_err(|error| format!("the server is gone: {error}"))?;
        if read == 0 {
            return Err("the server is gone".to_owned());
        }
        serde_json::from_str(&line).map_err(|error| format!("the server says {line:?}: {error}"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
