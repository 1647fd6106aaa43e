//! Memory of calls in flight.

use super::worker::Worker;
use super::{Plan, bar};

const CALLS: usize = 9_500;

pub fn measure(plan: Plan) -> Result<String, String> {
    println!("\nMemory of calls in flight");
    let mut text = format!(
        "\n## Memory of calls in flight\n\n{CALLS} calls at once, each on its own connection, to a server that answers after 12 s. \
         Per call: the client process's highest resident memory less what it had before, buffers of connections and the answers' \
         arrival included. The limit on open files was raised to 20,000.\n\n| who | KB per call |\n|---|--:|\n"
    );
    let mut bars = String::new();
    let mut bare = f64::NAN;
    for (stack, name) in [
        ("bare", "bare reqwest client"),
        ("plain", "Dictum, no layers"),
        ("layers", "Dictum, usual layers"),
    ] {
        if plan.quick && stack == "plain" {
            continue;
        }
        let mut server = Worker::ours(&["serve", "12000"])?;
        let mut client = Worker::ours(&["client", &server.hello])?;
        let kb = client
            .ask(&format!("hold {stack} {CALLS}"))?
            .first()
            .copied()
            .unwrap_or(f64::NAN);
        let at_once = server.ask("most")?.first().copied().unwrap_or_default();
        let note = if (at_once as usize) < CALLS {
            format!(" (only {at_once} were in flight at one time)")
        } else {
            String::new()
        };
        text += &format!("| {name} | {kb:.1}{note} |\n");
        if stack == "bare" {
            bare = kb;
        }
        if stack == "layers" {
            bars = bar(
                "Dictum with usual layers",
                format!("{kb:.1} KB, the bare client {bare:.1}"),
                "20 KB",
                kb < 20.0,
            );
        }
        println!("  {name}: {kb:.1} KB per call{note}");
    }
    Ok(text + "\n" + &bars)
}
