//! Servers that can't be reached, or that don't speak the protocol: names that lead nowhere, TLS that fails, certificates that are
//! not to be trusted, ports that hang up.

use std::time::Duration;

use dictum_core::lm::layers::{Retry, Timeout, standard};
use dictum_core::lm::{Budget, Lm, LmErrorKind, Meter};
use dictum_providers::Providers;

use super::Run;
use crate::call::{Bill, make};
use crate::plan::{Dialect, Part, Plan};
use crate::report::Tally;

const ATTEMPTS: u32 = 2;

/// A server and how calls of it must end.
struct Row {
    name: &'static str,
    url: String,
    /// Whether the authority of the servers with TLS is trusted.
    trusts: bool,
    /// `None`: with the right answer.
    due: Option<LmErrorKind>,
    /// What the error must say.
    says: &'static str,
}

pub(crate) async fn run(run: Run<'_>) -> Result<(), String> {
    use LmErrorKind::{Timeout as Late, Transport};
    let report = run.report;
    report.part("Servers that can't be reached");
    let [hangs_up, listens, silent, babbles] = run.server.rude;
    let [right, other_host, expired, self_signed] = run.server.tls;
    let closed = {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).map_err(|error| error.to_string())?;
        listener.local_addr().map_err(|error| error.to_string())?.port()
    };
    let at = |scheme: &str, port: u16| format!("{scheme}://127.0.0.1:{port}/v1");
    let bad = |name, url| Row {
        name,
        url,
        trusts: true,
        due: Some(Transport),
        says: "",
    };
    let late = |name, url| Row {
        due: Some(Late),
        ..bad(name, url)
    };
    let certificate = |name, port, says| Row {
        says,
        ..bad(name, at("https", port))
    };
    let table = [
        bad("DNS: no such host", "http://no-such-host.invalid/v1".to_owned()),
        bad("nobody listens", at("http", closed)),
        bad("hangs up at once", at("http", hangs_up)),
        bad("reads, then hangs up", at("http", listens)),
        late("reads and is silent", at("http", silent)),
        bad("speaks no HTTP", at("http", babbles)),
        bad("TLS: the server has none", at("https", run.server.main)),
        bad("TLS: hangs up in the handshake", at("https", listens)),
        late("TLS: silent in the handshake", at("https", silent)),
        bad("TLS: speaks something else", at("https", babbles)),
        Row {
            due: None,
            ..certificate("TLS: an authority of one's own, trusted", right, "")
        },
        Row {
            trusts: false,
            ..certificate("TLS: an authority that is not trusted", right, "UnknownIssuer")
        },
        certificate(
            "TLS: a certificate for another host",
            other_host,
            "not valid for name",
        ),
        certificate("TLS: an expired certificate", expired, "expired"),
        certificate("TLS: a self-signed certificate", self_signed, "certificate"),
    ];
    let each = (run.calls / table.len() as u64).max(1);
    for Row {
        name,
        url,
        trusts,
        due,
        says,
    } in table
    {
        let mut builder = Lm::openai("soak")
            .base_url(url)
            .connect_timeout(Duration::from_millis(400));
        if trusts {
            builder = builder.root_certificate(run.server.root.as_str());
        }
        let lm = match builder.build() {
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
                .timeouts(Timeout::new(if due.is_none() {
                    Duration::from_secs(8)
                } else {
                    Duration::from_millis(500)
                })),
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
            let fits = kind == due || (name.starts_with("DNS") && kind == Some(Late));
            let told = error.is_none_or(|error| error.to_string().contains(says));
            report.bar(fits && told && outcome.wrong.is_none(), || {
                format!("{name}: {outcome:?}")
            });
            report.bar(error.is_none_or(|error| error.attempts() == ATTEMPTS), || {
                format!("{name}: not {ATTEMPTS} attempts: {outcome:?}")
            });
            if let Ok(response) = &outcome.result {
                attempts += u64::from(response.attempts);
            }
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
