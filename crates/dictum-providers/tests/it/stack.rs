use std::sync::Arc;
use std::time::Duration;

use dictum_core::lm::layers::{
    Adaptive, Cache, Circuit, MemoryStore, RateLimit, Retry, Standard, Store, standard,
};
use dictum_core::lm::{Allowance, Budget, Call, Lm, LmErrorKind, Meter, Settings, Source};
use dictum_providers::Providers;
use dictum_testkit::{FakeServer, Fault, Reply};
use futures_util::future::join_all;

use crate::{ask, call, lm};

fn quick() -> Retry {
    Retry::new(4).backoff(Duration::from_millis(1), Duration::from_millis(5))
}

#[tokio::test]
async fn an_answer_comes_through_a_series_of_faults() {
    for streams in [false, true] {
        let server = FakeServer::scripted([
            Reply::rate_limited("0.01"),
            Reply::bad_gateway(),
            Reply::text("never seen").broken(Fault::Reset(0)),
            Reply::text("at last"),
        ]);
        let lm = lm(&server).layer(standard().retry(quick()).cache(MemoryStore::new(10)));
        let meter = Meter::new(Budget::unlimited());
        let terms = Call {
            meter: Some(meter.clone()),
            ..Call::default()
        };
        let response = if streams {
            crate::read(lm.stream(&ask("x"), &terms).await).await.unwrap().1
        } else {
            lm.complete(&ask("x"), &terms).await.unwrap()
        };
        assert_eq!((response.to_text().as_str(), response.attempts), ("at last", 4));
        assert_eq!((server.requests(), meter.spent().calls), (4, 4));
        assert!(meter.spent().tokens > 0);
        let warm = call(&lm, streams, &ask("x")).await.unwrap();
        assert_eq!((warm.source, server.requests()), (Source::Cache, 4));
    }
}

#[tokio::test]
async fn a_stalled_answer_times_out_and_its_connection_is_closed() {
    for streams in [false, true] {
        let server = FakeServer::scripted([
            Reply::text("a stalled answer").broken(Fault::Stall(2)),
            Reply::text("ok"),
        ]);
        let layers = standard().retry(quick()).timeout(Duration::from_millis(300));
        let lm = lm(&server).layer(layers);
        let result = call(&lm, streams, &ask("x")).await;
        if streams {
            // It had begun to answer, so it is not asked again.
            assert_eq!(result.unwrap_err().kind(), LmErrorKind::Timeout);
        } else {
            assert_eq!(result.unwrap().attempts, 2);
        }
        assert!(server.saw_disconnects(1).await);
    }
}

#[tokio::test]
async fn identical_calls_in_flight_are_one_request() {
    let server = FakeServer::scripted([Reply::text("shared").after(Duration::from_millis(200))]);
    let lm = lm(&server).layer(standard());
    let request = ask("x");
    let answers = join_all((0..100).map(|_| call(&lm, false, &request))).await;
    assert!(
        answers
            .into_iter()
            .all(|answer| answer.unwrap().to_text() == "shared")
    );
    assert_eq!(server.requests(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_calls_at_once_each_get_their_own_answer_within_the_limit() {
    let server = FakeServer::programmed(|_, body| {
        Reply::text(format!(
            "echo {}",
            body["messages"][0]["content"].as_str().unwrap()
        ))
        .after(Duration::from_millis(2))
    });
    let lm = lm(&server).layer(standard().concurrency(16));
    let requests: Vec<_> = (0..500).map(|n| ask(&n.to_string())).collect();
    let answers = join_all(requests.iter().map(|request| call(&lm, false, request))).await;
    for (n, answer) in answers.into_iter().enumerate() {
        assert_eq!(answer.unwrap().to_text(), format!("echo {n}"));
    }
    assert_eq!(server.most_in_flight(), 16);
}

fn everything() -> Standard {
    standard()
        .retry(quick())
        .cache(MemoryStore::new(10))
        .circuit(Circuit::default())
        .adaptive(Adaptive::default())
        .rate_limit(RateLimit::learned())
}

#[tokio::test]
async fn of_two_who_wait_one_may_go_and_when_both_do_the_connection_is_closed() {
    for streams in [false, true] {
        let server = FakeServer::programmed(|n, _| match n {
            0 => Reply::text("kept").after(Duration::from_millis(400)),
            _ => Reply::text("too late").after(Duration::from_secs(600)),
        });
        let lm = lm(&server).layer(everything());
        let (kept, lost) = (ask("kept"), ask("lost"));
        let hasty = Duration::from_millis(100);
        let (goes, stays) = tokio::join!(
            tokio::time::timeout(hasty, call(&lm, streams, &kept)),
            call(&lm, streams, &kept),
        );
        assert!(goes.is_err());
        assert_eq!(stays.unwrap().to_text(), "kept");
        assert_eq!((server.requests(), server.disconnects()), (1, 0));

        let both = join_all((0..2).map(|_| call(&lm, streams, &lost)));
        assert!(tokio::time::timeout(hasty, both).await.is_err());
        assert!(server.saw_disconnects(1).await);
        assert_eq!(server.requests(), 2);
    }
}

#[tokio::test]
async fn what_the_server_says_of_its_limits_reaches_the_layers() {
    for streams in [false, true] {
        let server = FakeServer::programmed(|n, _| {
            Reply::text("ok")
                .header("x-ratelimit-limit-requests", "60")
                .header("x-ratelimit-remaining-requests", if n == 0 { "4" } else { "0" })
                .header("x-ratelimit-reset-requests", "59s")
        });
        let lm = lm(&server).layer(everything());
        assert_eq!(lm.rate_limits(), None);
        call(&lm, streams, &ask("a")).await.unwrap();
        let told = lm.rate_limits().and_then(|limits| limits.requests);
        let four = Allowance {
            limit: Some(60),
            remaining: Some(4),
            resets_in: Some(Duration::from_secs(59)),
        };
        assert_eq!(told, Some(four));
        call(&lm, streams, &ask("b")).await.unwrap();
        // None is left now, and one comes back in a second.
        let hasty = Call {
            deadline: Some(std::time::Instant::now() + Duration::from_millis(5)),
            ..Call::default()
        };
        let result = if streams {
            crate::read(lm.stream(&ask("c"), &hasty).await).await.map(drop)
        } else {
            lm.complete(&ask("c"), &hasty).await.map(drop)
        };
        assert!(result.unwrap_err().to_string().contains("rate limit"));
        assert_eq!(server.requests(), 2);
    }
}

#[tokio::test]
async fn one_cache_for_two_servers_and_two_sets_of_defaults_answers_each_with_its_own() {
    let store: Arc<MemoryStore> = MemoryStore::new(10).into();
    let servers = ["one", "two"].map(|name| FakeServer::programmed(move |_, _| Reply::text(name)));
    let at = |server: usize, more: &str, temperature: Option<f64>| {
        let url = servers[server]
            .url()
            .replace("http://", &format!("http://{more}"));
        Lm::openai("gpt-4o-mini")
            .base_url(url)
            .settings(Settings {
                temperature,
                ..Settings::default()
            })
            .build()
            .unwrap()
            .layer(standard())
            .layer(Cache::shared(Arc::clone(&store) as Arc<dyn Store>))
    };
    for (server, text) in [(0, "one"), (1, "two")] {
        for temperature in [None, Some(0.5)] {
            for (more, source) in [
                ("", Source::Model),
                ("", Source::Cache),
                ("who:key@", Source::Cache),
            ] {
                let lm = at(server, more, temperature);
                let response = call(&lm, false, &ask("x")).await.unwrap();
                assert_eq!((response.to_text().as_str(), response.source), (text, source));
            }
        }
    }
}
