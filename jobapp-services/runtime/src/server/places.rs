//! Who may be connected: so many in all, so many of one address.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use super::deadlines::Deadlines;
use super::watch::{End, Ticks, Watch};

/// How often the log says that clients wait, or are turned away.
const REMIND: Duration = Duration::from_secs(60);

/// The connections that are open, and how many may be.
pub(super) struct Places {
    free: Arc<Semaphore>,
    most: usize,
    most_of_one: usize,
    exempt: Vec<IpNet>,
    deadlines: Deadlines,
    started: Instant,
    ticks: Arc<Ticks>,
    open: Mutex<Open>,
    said: Mutex<Said>,
}

#[derive(Default)]
struct Open {
    watches: HashMap<u64, Arc<Watch>>,
    /// How many each address has.
    addresses: HashMap<IpAddr, HashMap<u64, Arc<Watch>>>,
    next: u64,
}

/// When the log last said it.
#[derive(Default)]
struct Said {
    full: Option<Instant>,
    crowd: Option<Instant>,
}

/// A connection's place, free again once this is dropped.
pub(super) struct Place {
    places: Arc<Places>,
    number: u64,
    address: IpAddr,
    /// `None` until the server has room.
    permit: Option<OwnedSemaphorePermit>,
    pub(super) watch: Arc<Watch>,
}

impl Places {
    pub(super) fn new(most: usize, most_of_one: usize, exempt: Vec<IpNet>, deadlines: Deadlines) -> Self {
        let most = most.clamp(1, Semaphore::MAX_PERMITS);
        Self {
            free: Arc::new(Semaphore::new(most)),
            most,
            most_of_one: most_of_one.max(1),
            exempt,
            deadlines,
            started: Instant::now(),
            ticks: Arc::default(),
            open: Mutex::default(),
            said: Mutex::default(),
        }
    }

    /// A place for a client, unless its address has as many as it may have and all of them are at work.
    pub(super) fn admit(self: &Arc<Self>, peer: SocketAddr) -> Option<Place> {
        let address = network_of(peer.ip());
        let mut open = self.open.lock();
        let own = open.addresses.entry(address).or_default();
        if own.len() >= self.most_of_one && !self.exempt.iter().any(|net| net.contains(&peer.ip().to_canonical())) {
            let Some(spare) = self.most_spare(own.values()) else {
                drop(open);
                self.say_crowd(address);
                return None;
            };
            spare.end(End::Now);
        }
        let (watch, number) = (Arc::new(Watch::new(Arc::clone(&self.ticks))), open.next);
        open.next += 1;
        open.watches.insert(number, Arc::clone(&watch));
        open.addresses.entry(address).or_default().insert(number, Arc::clone(&watch));
        drop(open);
        Some(Place { places: Arc::clone(self), number, address, permit: None, watch })
    }

    /// Waits until the server has room. Connections that wait for nothing but their client make room.
    pub(super) async fn room(&self, mut place: Place) -> io::Result<Place> {
        if let Ok(permit) = Arc::clone(&self.free).try_acquire_owned() {
            place.permit = Some(permit);
            return Ok(place);
        }
        loop {
            let spare =
                self.most_spare(self.open.lock().watches.values().filter(|other| !Arc::ptr_eq(other, &place.watch)));
            match spare {
                Some(spare) => spare.end(End::Now),
                None => self.say_full(),
            }
            let permit = tokio::time::timeout(self.pace(), Arc::clone(&self.free).acquire_owned()).await;
            if let Ok(permit) = permit {
                place.permit = Some(permit.map_err(io::Error::other)?);
                return Ok(place);
            }
        }
    }

    /// How often to look at the connections.
    pub(super) fn pace(&self) -> Duration {
        let limits = &self.deadlines;
        let shortest = limits.head.min(limits.idle).min(limits.body.grace).min(limits.answer.grace);
        (shortest / 10).clamp(Duration::from_millis(5), Duration::from_secs(1))
    }

    /// Ends the connections whose clients take too long.
    pub(super) fn look(&self) {
        self.ticks.set(u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX));
        let open = self.open.lock();
        for watch in open.watches.values() {
            if let Some(end) = watch.overdue(&self.deadlines) {
                watch.end(end);
            }
        }
    }

    /// From now on each answer is the last of its connection.
    pub(super) fn linger(&self) {
        self.ticks.linger();
    }

    /// Asks every connection to end once its open requests are answered.
    pub(super) fn end_all(&self) {
        for watch in self.open.lock().watches.values() {
            watch.end(End::Politely);
        }
    }

    /// The connection that has been of no use for longest: one that waits for its next request, or else one whose body
    /// does not come. Those that came just now are no such ones.
    fn most_spare<'a>(&self, watches: impl Iterator<Item = &'a Arc<Watch>> + Clone) -> Option<Arc<Watch>> {
        let now = self.ticks.now();
        let pace = u64::try_from(self.pace().as_millis()).unwrap_or(u64::MAX);
        let oldest = |moments: &mut dyn Iterator<Item = (u64, &'a Arc<Watch>)>, least: u64| {
            let old = moments.filter(|(since, _)| now.saturating_sub(*since) >= least);
            old.min_by_key(|(since, _)| *since).map(|(_, watch)| Arc::clone(watch))
        };
        let mut waiting = watches.clone().filter_map(|watch| Some((watch.spare_since()?, watch)));
        let mut sending = watches.filter_map(|watch| Some((watch.body_since()?, watch)));
        oldest(&mut waiting, pace).or_else(|| oldest(&mut sending, pace * 10))
    }

    fn say_full(&self) {
        if is_due(&mut self.said.lock().full) {
            let max_connections = self.most;
            tracing::warn!(max_connections, "as many connections are open as may be; further clients wait");
        }
    }

    fn say_crowd(&self, address: IpAddr) {
        if is_due(&mut self.said.lock().crowd) {
            let most = self.most_of_one;
            tracing::warn!(%address, max_connections_per_address = most, "an address has as many connections open as it may; further ones are turned away");
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.places.open.lock();
        open.watches.remove(&self.number);
        if let Some(own) = open.addresses.get_mut(&self.address) {
            own.remove(&self.number);
            if own.is_empty() {
                open.addresses.remove(&self.address);
            }
        }
        drop(open);
        drop(self.permit.take());
    }
}

/// Whether it is time to say it again.
fn is_due(said: &mut Option<Instant>) -> bool {
    let due = said.is_none_or(|said| said.elapsed() > REMIND);
    if due {
        *said = Some(Instant::now());
    }
    due
}

/// Whose connections are counted together: an IPv4 address, or the 64 bits of an IPv6 network that one customer has.
fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64)),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(most_of_one: usize, exempt: &[&str]) -> Arc<Places> {
        let exempt = exempt.iter().map(|net| net.parse().unwrap()).collect();
        Arc::new(Places::new(100, most_of_one, exempt, Deadlines::default()))
    }

    fn at(address: &str) -> SocketAddr {
        SocketAddr::new(address.parse().unwrap(), 5000)
    }

    #[test]
    fn an_address_has_so_many_places_and_gets_them_back() {
        let places = places(2, &[]);
        let first = places.admit(at("192.0.2.1")).unwrap();
        let _second = places.admit(at("::ffff:192.0.2.1")).unwrap();
        assert!(places.admit(at("192.0.2.1")).is_none());
        assert!(places.admit(at("192.0.2.2")).is_some());
        drop(first);
        assert!(places.admit(at("192.0.2.1")).is_some());
    }

    #[test]
    fn a_network_of_64_bits_counts_as_one_address() {
        let places = places(1, &[]);
        let _first = places.admit(at("2001:db8::1")).unwrap();
        assert!(places.admit(at("2001:db8::2:1")).is_none());
        assert!(places.admit(at("2001:db8:0:1::1")).is_some());
    }

    #[test]
    fn a_proxy_may_have_as_many_as_there_are() {
        let places = places(1, &["10.0.0.0/8"]);
        let all: Vec<_> = (0..5).map(|_| places.admit(at("10.1.2.3")).unwrap()).collect();
        assert_eq!(all.len(), 5);
    }

    #[test]
    fn an_address_that_has_all_its_places_gives_up_the_one_it_does_not_use() {
        let places = places(2, &[]);
        let busy = places.admit(at("192.0.2.1")).unwrap();
        let _request = busy.watch.begin(false);
        let idle = places.admit(at("192.0.2.1")).unwrap();
        places.ticks.set(2_000);
        let _third = places.admit(at("192.0.2.1")).unwrap();
        assert_eq!(idle.watch.poll_end(&std::task::Context::from_waker(std::task::Waker::noop())), Some(End::Now));
        assert_eq!(busy.watch.poll_end(&std::task::Context::from_waker(std::task::Waker::noop())), None);
    }
}
