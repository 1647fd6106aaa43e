//! The processes of a measure; see `cargo xtask bench`. They take their orders as lines and answer each with a line.
//!
//! - `serve MS`: a fake server that answers after so many milliseconds. Says its address, and for every line how many calls it
//!   had at once so far.
//! - `client URL`: takes `turn STACK CONCURRENCY SECONDS` and says calls, seconds and microseconds of processor per call; takes
//!   `hold STACK CALLS` and says KB per call.
//! - `first URL`: one call of a small program.
//! - `count CASE TIMES`: does a case in process so many times, for callgrind.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a bench that goes wrong is to stop at once"
)]

use std::io::BufRead;
use std::time::Duration;

use dictum_bench::load::Load;
use dictum_testkit::{Chat, FakeServer, Reply};
use tokio::runtime::Builder;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args.as_slice() {
        ["serve", latency] => serve(Duration::from_millis(latency.parse().unwrap())),
        ["client", url] => client(url),
        ["first", url] => {
            let runtime = Builder::new_multi_thread().enable_all().build().unwrap();
            runtime.block_on(Load::first(url));
        }
        ["count", case, times] => {
            let mut run = dictum_bench::cases::make(case).unwrap();
            for _ in 0..times.parse::<u64>().unwrap() {
                run();
            }
        }
        ["cases"] => {
            for (name, _) in dictum_bench::cases::ALL {
                println!("{name}");
            }
        }
        _ => panic!("serve MS, client URL, first URL, count CASE TIMES, or cases"),
    }
}

fn lines() -> impl Iterator<Item = String> {
    std::io::stdin().lock().lines().map_while(Result::ok)
}

fn serve(latency: Duration) {
    // Tokens are said, not counted: counting would make the server slower than the clients it measures.
    let answer = Chat {
        usage: Some([900, 0, 20, 0]),
        ..Chat::text(dictum_bench::ANSWER)
    };
    let reply = Reply::from(answer).after(latency);
    let server = FakeServer::forgetful(move |_, _| reply.clone());
    println!("{}", server.url());
    for _ in lines() {
        println!("{}", server.most_in_flight());
    }
}

fn client(url: &str) {
    let runtime = Builder::new_multi_thread().enable_all().build().unwrap();
    let mut load = Load::new(url);
    println!("{}", load.request_bytes());
    for line in lines() {
        let words: Vec<&str> = line.split(' ').collect();
        match words.as_slice() {
            ["turn", stack, concurrency, seconds] => {
                let time = Duration::from_secs_f64(seconds.parse().unwrap());
                let turn = runtime.block_on(load.turn(stack, concurrency.parse().unwrap(), time));
                println!("{} {} {}", turn.calls, turn.seconds, turn.cpu);
            }
            ["hold", stack, calls] => {
                println!("{}", runtime.block_on(load.hold(stack, calls.parse().unwrap())));
            }
            _ => panic!("what is `{line}`?"),
        }
    }
}
