//! Which calls are in flight, and who waits for them.

use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasher, BuildHasherDefault, Hasher};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Instant;

use foldhash::fast::RandomState;

use crate::lm::Request;
use crate::lm::digest::Hashed;

/// The calls in flight, by a quick hash of their requests. Holds them weakly: a call lives as long as someone waits for it.
pub(super) struct Flights<T> {
    table: Mutex<Table<T>>,
    /// Made for speed, not against those who look for collisions: one only keeps two calls apart that could have been one.
    keys: RandomState,
}

type Table<T> = HashMap<u64, Weak<Flight<T>>, BuildHasherDefault<Hashed>>;

struct Flight<T> {
    call: T,
    request: Arc<Request>,
    makers_deadline: Option<Instant>,
    /// Callers waiting. Changed only under the lock of the table, unlike the count of the `Arc`.
    waiting: AtomicUsize,
    /// Whether someone stands for the physical call: its maker, or when the maker gave up, the first other to see its end.
    owned: AtomicBool,
}

/// One caller's place in a flight.
pub(super) struct Seat<T> {
    flights: Arc<Flights<T>>,
    key: u64,
    flight: Arc<Flight<T>>,
    maker: bool,
    landed: bool,
}

impl<T> Default for Flights<T> {
    fn default() -> Self {
        Self {
            table: Mutex::default(),
            keys: RandomState::default(),
        }
    }
}

impl<T> fmt::Debug for Flights<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Flights({})", self.lock().len())
    }
}

impl<T> Flights<T> {
    /// Joins the call in flight for this request, or makes it.
    pub(super) fn board(
        flights: &Arc<Self>,
        request: &Request,
        deadline: Option<Instant>,
        make: impl FnOnce(Arc<Request>) -> T,
    ) -> Seat<T> {
        let mut hasher = flights.keys.build_hasher();
        request.fingerprint(&mut hasher);
        let key = hasher.finish();
        let mut table = flights.lock();
        let there = table.get(&key).and_then(Weak::upgrade);
        let joined = there.filter(|flight| flight.request.same_as(request));
        let maker = joined.is_none();
        let flight = joined.unwrap_or_else(|| {
            let request = Arc::new(request.clone());
            let flight = Arc::new(Flight {
                call: make(Arc::clone(&request)),
                request,
                makers_deadline: deadline,
                waiting: AtomicUsize::new(0),
                owned: AtomicBool::new(true),
            });
            // In place of another request with the same hash, if there is one: that is then not joined any more.
            table.insert(key, Arc::downgrade(&flight));
            flight
        });
        flight.waiting.fetch_add(1, Ordering::Relaxed);
        drop(table);
        Seat {
            flights: Arc::clone(flights),
            key,
            flight,
            maker,
            landed: false,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Table<T>> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a flight off the table, unless another has taken its place.
    fn take_off(table: &mut Table<T>, key: u64, flight: &Arc<Flight<T>>) {
        if table
            .get(&key)
            .is_some_and(|entry| std::ptr::eq(entry.as_ptr(), Arc::as_ptr(flight)))
        {
            table.remove(&key);
        }
    }
}

impl<T> Seat<T> {
    /// The call shared.
    pub(super) fn flight(&self) -> &T {
        &self.flight.call
    }

    /// Whether this caller made the call.
    pub(super) fn is_maker(&self) -> bool {
        self.maker
    }

    /// The deadline the call was made under.
    pub(super) fn makers_deadline(&self) -> Option<Instant> {
        self.flight.makers_deadline
    }

    /// The call has ended: no one joins it any more. True for the one caller who stands for the physical call.
    pub(super) fn land(&mut self) -> bool {
        self.landed = true;
        Flights::take_off(&mut self.flights.lock(), self.key, &self.flight);
        self.maker || !self.flight.owned.swap(true, Ordering::AcqRel)
    }
}

impl<T> Drop for Seat<T> {
    fn drop(&mut self) {
        if self.maker && !self.landed {
            self.flight.owned.store(false, Ordering::Release);
        }
        if self.landed {
            return;
        }
        let mut table = self.flights.lock();
        if self.flight.waiting.fetch_sub(1, Ordering::Relaxed) == 1 {
            Flights::take_off(&mut table, self.key, &self.flight);
        }
    }
}
