//! A collector that is dead, slow or picky: the program goes on, and what is lost is told.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use dictum_otel::{Delivery, Otlp};
use tracing_subscriber::layer::SubscriberExt;

use crate::collector::{Collector, Manners};
use crate::{ask, calls, model, otlp, traced};

type Told = Arc<Mutex<Vec<Delivery>>>;

fn telling(otlp: Otlp) -> (Otlp, Told) {
    let told = Told::default();
    let ours = told.clone();
    let otlp = otlp.on_loss(move |delivery| ours.lock().unwrap().push(delivery.clone()));
    (otlp, told)
}

#[tokio::test]
async fn a_dead_collector_fails_nothing_and_the_loss_is_told() {
    // A port that was just free and is not listened on.
    let address = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let (otlp, told) = telling(otlp(&format!("http://{address}")));
    let (layer, guard) = otlp.layer().unwrap();
    let subscriber = dictum_testkit::listen(tracing_subscriber::registry().with(layer));
    ask(&traced(&model())).await.unwrap();
    let so_far = guard.flush().unwrap();
    assert_eq!((so_far.spans_delivered, so_far.spans_lost), (0, 3));
    ask(&traced(&model())).await.unwrap();
    drop(subscriber);
    let delivery = guard.shutdown();
    assert_eq!((delivery.spans_delivered, delivery.spans_lost), (0, 6));
    assert!(!delivery.metrics_delivered);
    let words = delivery.to_string();
    assert!(
        words.contains("6 of 6 spans and the latest metrics") && words.contains("127.0.0.1 can't be reached"),
        "{words}"
    );
    let told = told.lock().unwrap();
    assert_eq!(
        told.len(),
        2,
        "once when it begins, once at the end, not for every batch: {told:?}"
    );
    assert_eq!(told.last(), Some(&delivery));
}

#[tokio::test]
async fn a_collector_that_hangs_holds_up_neither_calls_nor_the_end() {
    let collector = Collector::with(Manners {
        status: 200,
        delay: Duration::from_secs(3_600),
        rejects: 0,
    });
    let (otlp, told) = telling(
        otlp(&collector.url)
            .export_timeout(Duration::from_secs(1_800))
            .shutdown_timeout(Duration::from_millis(100)),
    );
    let delivery = calls(otlp, &traced(&model()), 2).await;
    assert_eq!((delivery.spans_delivered, delivery.spans_lost), (0, 6));
    assert_eq!(told.lock().unwrap().as_slice(), [delivery]);
}

#[tokio::test]
async fn what_does_not_fit_into_the_queue_is_counted() {
    let collector = Collector::with(Manners {
        status: 200,
        delay: Duration::from_millis(200),
        rejects: 0,
    });
    let delivery = calls(otlp(&collector.url).queue(4), &traced(&model()), 100).await;
    assert_eq!(delivery.spans_delivered + delivery.spans_lost, 300);
    assert_eq!(collector.spans().len() as u64, delivery.spans_delivered);
    assert!(
        delivery.spans_delivered > 0 && delivery.spans_lost > 0,
        "{delivery}"
    );
}

#[tokio::test]
async fn refusals_are_told_by_status_and_by_number() {
    let refusing = Collector::with(Manners {
        status: 401,
        ..Manners::default()
    });
    let delivery = calls(otlp(&refusing.url), &traced(&model()), 1).await;
    assert_eq!((delivery.spans_delivered, delivery.spans_lost), (0, 3));
    assert!(delivery.to_string().contains("answered 401"), "{delivery}");

    let picky = Collector::with(Manners {
        status: 200,
        rejects: 2,
        ..Manners::default()
    });
    let (otlp, told) = telling(otlp(&picky.url));
    let delivery = calls(otlp, &traced(&model()), 1).await;
    assert_eq!((delivery.spans_delivered, delivery.spans_lost), (1, 2));
    assert!(delivery.to_string().contains("refused 2 spans"), "{delivery}");
    assert!(!told.lock().unwrap().is_empty());
}
