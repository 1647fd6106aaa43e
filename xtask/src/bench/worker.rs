//! A measuring process: takes orders as lines, answers each with a line.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// Open files a process may have: ten thousand calls take as many connections.
const FILES: u32 = 20_000;

pub struct Worker {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    /// What it said when it started.
    pub hello: String,
}

impl Worker {
    /// Starts a program with as many open files as the system allows, up to [`FILES`], and waits for its first line.
    pub fn start(program: &str, args: &[&str]) -> Result<Self, String> {
        let mut command = if cfg!(unix) {
            let mut shell = Command::new("sh");
            let raise =
                format!("ulimit -n {FILES} 2>/dev/null || ulimit -n $(ulimit -Hn); exec \"$0\" \"$@\"");
            shell.args(["-c", &raise, program]);
            shell
        } else {
            Command::new(program)
        };
        let mut child = command
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("can't start `{program}`: {error}"))?;
        let (input, output) = (child.stdin.take(), child.stdout.take());
        let mut worker = Self {
            child,
            input,
            output: BufReader::new(output.ok_or("the process has no output")?),
            hello: String::new(),
        };
        worker.hello = worker.line()?;
        Ok(worker)
    }

    /// A program of `dictum-bench`.
    pub fn ours(args: &[&str]) -> Result<Self, String> {
        Self::start(&super::built("dictum-bench"), args)
    }

    fn line(&mut self) -> Result<String, String> {
        let mut line = String::new();
        match self.output.read_line(&mut line) {
            Ok(0) => Err("a measuring process ended; see its message above".to_owned()),
            Ok(_) => Ok(line.trim().to_owned()),
            Err(error) => Err(format!("a measuring process can't be read: {error}")),
        }
    }

    /// Gives an order and the numbers it is answered with.
    pub fn ask(&mut self, order: &str) -> Result<Vec<f64>, String> {
        let input = self.input.as_mut().ok_or("the process takes no orders")?;
        writeln!(input, "{order}").map_err(|error| format!("a measuring process ended: {error}"))?;
        let line = self.line()?;
        let numbers: Result<Vec<f64>, _> = line.split(' ').map(str::parse).collect();
        numbers.map_err(|_| format!("`{order}` was answered with `{line}`"))
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // The end of its orders is its end.
        drop(self.input.take());
        self.child.wait().ok();
    }
}
