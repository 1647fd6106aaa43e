//! A subscriber for one test, beside other tests in the same process.

use tracing::dispatcher::{DefaultGuard, Dispatch};
use tracing::subscriber::NoSubscriber;

/// What [`listen`] gives: while it lives, this thread's spans and events go to the test's subscriber.
#[derive(Debug)]
#[must_use = "dropping it ends the listening"]
pub struct Listening {
    _guard: DefaultGuard,
    _second: Dispatch,
}

/// Sends the spans and events of this thread to `subscriber`, as `tracing::subscriber::set_default` does, and holds
/// when other tests run at the same time.
///
/// While a process has a single subscriber, `tracing` asks the subscriber *of the thread that gets there first* whether a
/// span is of interest to anyone, and keeps the answer: another test that makes a call at the wrong moment, on a thread
/// without a subscriber, silences that span for good. With a second one, which wants nothing, it asks them all.
pub fn listen(subscriber: impl Into<Dispatch>) -> Listening {
    let second = Dispatch::new(NoSubscriber::default());
    Listening {
        _guard: tracing::dispatcher::set_default(&subscriber.into()),
        _second: second,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tracing::span::{Attributes, Id, Record};
    use tracing::{Event, Metadata, Subscriber};

    use super::*;

    #[derive(Clone, Default)]
    struct Count(Arc<AtomicUsize>);

    impl Subscriber for Count {
        fn enabled(&self, _: &Metadata<'_>) -> bool {
            true
        }
        fn new_span(&self, _: &Attributes<'_>) -> Id {
            Id::from_u64(1)
        }
        fn record(&self, _: &Id, _: &Record<'_>) {}
        fn record_follows_from(&self, _: &Id, _: &Id) {}
        fn event(&self, _: &Event<'_>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
        fn enter(&self, _: &Id) {}
        fn exit(&self, _: &Id) {}
    }

    fn work() {
        tracing::info!("working");
    }

    #[test]
    fn what_another_thread_does_first_is_heard_on_this_one() {
        let count = Count::default();
        let listening = listen(count.clone());
        std::thread::spawn(work).join().unwrap();
        assert_eq!(count.0.load(Ordering::SeqCst), 0, "only this thread's");
        work();
        assert_eq!(count.0.load(Ordering::SeqCst), 1);
        drop(listening);
        work();
        assert_eq!(count.0.load(Ordering::SeqCst), 1);
    }
}
