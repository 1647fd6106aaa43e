//! Servers that can't be reached, or that don't speak the protocol: names that lead nowhere, TLS that fails, ports that hang up.

use std::time::Duration;

use dictum_core::lm::layers::{Retry, Timeout, standard};
use dictum_core::lm::{Budget, Lm, LmErrorKind, Meter};
use dictum_providers::Providers;

use super::Run;
use crate::call::{Bill, make};
use crate::plan::{Dialect, Part, Plan};
use crate::report::Tally;

const ATTEMPTS: u32 = 2;

pub(crate) async fn run(run: Run<'_>) -> Result<(), String> {
    use LmErrorKind::{Timeout as Late, Transport};
    let report = run.report;
    report.part("Servers that can't be reached");
    let [hangs_up, listens, silent, babbles] = run.server.rude;
    let closed = {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).map_err(|error| error.to_string())?;
        listener.local_addr().map_err(|error| error.to_string())?.port()
    };
    let at = |scheme: &str, port: u16| format!("{scheme}://127.0.0.1:{port}/v1");
    let table = [
        (
            "DNS: no such host",
            "http://no-such-host.invalid/v1".to_owned(),
            Transport,
        ),
        ("nobody listens", at("http", closed), Transport),
        ("hangs up at once", at("http", hangs_up), Transport),
        ("reads, then hangs up", at("http", listens), Transport),
        ("reads and is silent", at("http", silent), Late),
        ("speaks no HTTP", at("http", babbles), Transport),
        (
            "TLS: the server has none",
            at("https", run.server.main),
            Transport,
        ),
        ("TLS: hangs up in the handshake", at("https", listens), Transport),
        ("TLS: silent in the handshake", at("https", silent), Late),
        ("TLS: speaks something else", at("https", babbles), Transport),
    ];
    let each = (run.calls / table.len() as u64).max(1);
    for (name, url, due) in table {
        let built = Lm::openai("soak")
            .base_url(url)
            .connect_timeout(Duration::from_millis(400))
            .build();
        let lm = match built {
            Ok(lm) => lm,
            // No certificates on this machine: also a typed error, before anything is sent.
            Err(error) => {
                report.figure(name, format!("not set up: {error}"));
                report.bar(error.kind() == Transport, || format!("{name}: {error}"));
                continue;
            }
        };
        let lm = lm.layer(
            standard()
                .retry(
                    Retry::new(ATTEMPTS)
                        .backoff(Duration::from_millis(1), Duration::from_millis(5))
                        .without_budget(),
                )
                .timeouts(Timeout::new(Duration::from_millis(500))),
        );
        let meter = Meter::new(Budget::calls(u64::MAX));
        let bill = Bill::default();
        let calls = (0..each).map(|n| {
            let (lm, meter, bill) = (&lm, &meter, &bill);
            async move {
                let plan = Plan {
                    of: n,
                    dialect: Dialect::Chat,
                    streams: n % 2 == 1,
                    troubles: Vec::new(),
                    latency: Duration::ZERO,
                    hasty: None,
                };
                make(lm, Part::Outage, &plan, meter, bill).await
            }
        });
        let outcomes = futures_util::future::join_all(calls).await;
        let mut tally = Tally::default();
        let mut attempts = 0;
        for outcome in &outcomes {
            tally.add(outcome);
            let error = outcome.result.as_ref().err();
            attempts += error.map_or(0, |error| u64::from(error.attempts()));
            // A resolver that does not answer in time is a timeout.
            let kind = outcome.kind();
            let fits = kind == Some(due) || (name.starts_with("DNS") && kind == Some(Late));
            report.bar(fits && outcome.wrong.is_none(), || format!("{name}: {outcome:?}"));
            report.bar(error.is_some_and(|error| error.attempts() == ATTEMPTS), || {
                format!("{name}: not {ATTEMPTS} attempts: {outcome:?}")
            });
        }
        let counted = meter.spent().calls;
        report.bar(counted == attempts, || {
            format!("{name}: {attempts} attempts, the budget counted {counted}")
        });
        let ends: Vec<String> = tally
            .ends
            .iter()
            .map(|(end, count)| format!("{count} {end}"))
            .collect();
        report.figure(name, ends.join(", "));
    }
    Ok(())
}
