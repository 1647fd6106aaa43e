use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::future::join_all;

use super::*;
use crate::lm::layers::{MemoryStore, Retry, standard};

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn dropping_a_call_reaches_the_model_through_all_layers() {
    for streams in [false, true] {
        let (lm, seen) = model(|_, _| Step::Hang);
        let lm = lm.layer(standard().cache(MemoryStore::new(10)));
        let (request, terms) = (ask("a"), Call::default());
        let work = call(&lm, streams, &request, &terms);
        assert!(tokio::time::timeout(SECOND, work).await.is_err());
        assert_eq!((seen.begun(), seen.cancelled()), (1, 1));
        assert_eq!(seen.in_flight.load(Ordering::SeqCst), 0);
    }
}

/// Fails now and then, by what is asked and how often it was asked already, as a flaky provider does.
fn flaky() -> (Lm, Arc<Seen>) {
    let asked = std::sync::Mutex::new(std::collections::HashMap::<String, usize>::new());
    model(move |_, request| {
        let text = request.turns[0].to_text();
        let mut asked = asked.lock().unwrap();
        let times = asked.entry(text.clone()).or_default();
        *times += 1;
        let number: u64 = text.parse().unwrap();
        if *times <= number as usize % 3 {
            fail(LmErrorKind::Server)
        } else {
            Step::SayAfter(
                Duration::from_millis(number * 37 % 100),
                format!("answer to {text}"),
            )
        }
    })
}

#[tokio::test(start_paused = true)]
async fn answers_do_not_depend_on_concurrency() {
    let mut runs = Vec::new();
    for limit in [1, 7, 50] {
        let (lm, seen) = flaky();
        let lm = lm.layer(standard().cache(MemoryStore::new(1000)).concurrency(limit));
        let meter = Meter::new(Budget::unlimited());
        let terms = Call {
            meter: Some(meter.clone()),
            ..Call::default()
        };
        let requests: Vec<_> = (0..100).map(|n| ask(&(n % 50).to_string())).collect();
        let answers = join_all(requests.iter().map(|request| lm.complete(request, &terms))).await;
        let texts: Vec<_> = answers
            .into_iter()
            .map(|answer| answer.unwrap().to_text())
            .collect();
        assert_eq!(meter.spent().calls as usize, seen.begun());
        runs.push((texts, seen.begun()));
    }
    assert_eq!(runs[0].0[49], "answer to 49");
    assert!(runs.windows(2).all(|pair| pair[0] == pair[1]));
    // 50 requests, of which one third needs 2 attempts and one third 3.
    assert_eq!(runs[0].1, 50 + 17 + 2 * 16);
}

#[tokio::test(start_paused = true)]
async fn each_attempt_has_its_own_time() {
    for streams in [false, true] {
        let (lm, seen) = model(|n, _| {
            if n == 0 {
                Step::SayAfter(SECOND * 60, "late".to_owned())
            } else {
                say("ok")
            }
        });
        let lm = lm.layer(
            standard()
                .timeout(SECOND)
                .retry(Retry::new(3).backoff(SECOND, SECOND)),
        );
        let response = call(&lm, streams, &ask("a"), &Call::default()).await.unwrap();
        assert_eq!((response.attempts, seen.begun(), seen.cancelled()), (2, 2, 1));
    }
}
