//! Answers kept for a while: gigs by id and the public side of profiles. Never what only one user may see.
//!
//! Kept answers are dropped when an event says that what they show has changed, and at once when the change itself went
//! through this gateway: who changed something sees it changed. Of several gateways one hears each event and tells the others.

use std::io::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, ETAG, VARY};
use http::{HeaderMap, HeaderValue, StatusCode};
use jobapp_http::{Caller, lists};
use jobapp_metrics::{Counters, Metrics};
use moka::ops::compute::Op;
use moka::sync::Cache;
use serde::Deserialize;

use crate::door::etag;
use crate::table::matching::Match;
use crate::table::route::{CacheRule, Kept};

/// The largest answer that is kept, in bytes.
pub(crate) const MOST: usize = 128 * 1024;
/// How much memory the answers of one kind may take, in bytes.
const SPACE: u64 = 32 * 1024 * 1024;
/// How long at most others may see a profile as it was. A seller's counters change without an event for us.
pub(super) const PROFILES: Duration = Duration::from_secs(3);

/// What an answer is kept under. Ids and names are lower case.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    kind: Kept,
    id: String,
    /// Whether it is what people without a session see: less than those with one.
    stranger: bool,
}

impl Key {
    /// The key of what is `kind` and has this id or name, as this caller sees it.
    pub(crate) fn of(kind: Kept, id: &str, caller: Option<&Caller>) -> Self {
        Self { kind, id: id.to_lowercase(), stranger: caller.is_none() }
    }

    /// The keys of it for people with a session and without.
    pub(crate) fn of_everybody(kind: Kept, id: &str) -> [Self; 2] {
        let users = Self { stranger: false, ..Self::of(kind, id, None) };
        let strangers = Self { stranger: true, ..users.clone() };
        [users, strangers]
    }

    /// What all gateways call it, whatever their version.
    pub(super) fn name(&self) -> String {
        let kind = match self.kind {
            Kept::Gig => "gig",
            Kept::Seller => "seller",
            Kept::SellerNamed => "seller-named",
            Kept::Buyer => "buyer",
        };
        format!("answer/{kind}/{}/{}", if self.stranger { "strangers" } else { "users" }, self.id)
    }

    pub(super) fn is_gig(&self) -> bool {
        self.kind == Kept::Gig
    }
}

/// A kept answer.
#[derive(Debug)]
pub(crate) struct Answer {
    body: Bytes,
    /// The body compressed, once somebody wanted it so: compressing costs many times what all the rest of an answer does.
    compressed: OnceLock<Option<Bytes>>,
    tag: HeaderValue,
    /// Whose it is: he sees more himself.
    owner: Option<String>,
    /// Whether it is shown to people without a session, too.
    public: bool,
}

impl Answer {
    /// As an answer to a request with these headers.
    pub(crate) fn response(&self, request: &HeaderMap) -> Response {
        let compressed = if lists::accepts(request, &ACCEPT_ENCODING, "gzip") { self.compressed() } else { None };
        let mut response = Response::new(Body::from(compressed.unwrap_or(&self.body).clone()));
        *response.status_mut() = StatusCode::OK;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(ETAG, self.tag.clone());
        headers.append(VARY, HeaderValue::from_static("Accept-Encoding"));
        if compressed.is_some() {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        response
    }

    fn compressed(&self) -> Option<&Bytes> {
        let compress = || {
            let mut encoder = GzEncoder::new(Vec::with_capacity(self.body.len() / 2), Compression::default());
            let written = encoder.write_all(&self.body).and_then(|()| encoder.finish());
            written.ok().filter(|small| small.len() < self.body.len()).map(Bytes::from)
        };
        // Smaller ones fit into one packet as they are.
        if self.body.len() > 1024 { self.compressed.get_or_init(compress).as_ref() } else { None }
    }

    /// The body as it is.
    pub(crate) fn body(&self) -> &Bytes {
        &self.body
    }

    fn is_for(&self, caller: Option<&Caller>) -> bool {
        match caller {
            Some(caller) => self.owner.as_deref().is_none_or(|owner| !caller.is(owner)),
            None => self.public,
        }
    }
}

#[derive(Debug, Clone)]
enum Slot {
    Kept(Arc<Answer>),
    /// Something changed; answers asked for before this moment are old.
    Spoilt(u64),
}

jobapp_metrics::label! {
    /// How a kept answer is used.
    enum Use: "use" {
        /// It was there.
        Hit = "hit",
        /// None was there.
        Miss = "miss",
        /// Another gateway had it.
        Shared = "shared",
        /// It is kept from now on.
        Kept = "kept",
        /// What it shows has changed.
        Spoilt = "spoilt",
        /// All of them may be old.
        SpoiltAll = "spoilt_all",
    }
}

/// When an answer was asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment(u64);

/// Kept answers.
#[derive(Debug, Clone)]
pub(crate) struct AnswerCache(Option<Arc<Inner>>);

#[derive(Debug)]
struct Inner {
    counts: Counters<Use>,
    gigs: Cache<Key, Slot>,
    profiles: Cache<Key, Slot>,
    moments: AtomicU64,
    /// The last moment at which everything was spoilt.
    spoilt: AtomicU64,
}

impl AnswerCache {
    /// Gigs are kept this long; zero keeps nothing. How they are used is counted.
    pub(crate) fn counted(gigs: Duration, metrics: &Metrics) -> Self {
        let cache = |age: Duration| {
            Cache::builder()
                .time_to_live(age)
                .max_capacity(SPACE)
                .weigher(|key: &Key, slot: &Slot| {
                    // Half as much again for the compressed body.
                    let body = if let Slot::Kept(answer) = slot { answer.body.len() * 3 / 2 } else { 0 };
                    u32::try_from(body + key.id.len() + 200).unwrap_or(u32::MAX)
                })
                .build()
        };
        Self((!gigs.is_zero()).then(|| {
            Arc::new(Inner {
                counts: metrics.counters("jobapp_answer_cache_total", "How kept answers are used.", &[]),
                gigs: cache(gigs),
                profiles: cache(gigs.min(PROFILES)),
                moments: AtomicU64::new(1),
                spoilt: AtomicU64::new(0),
            })
        }))
    }

    fn count(&self, used: Use) {
        if let Some(inner) = &self.0 {
            inner.counts.of(used).inc();
        }
    }

    /// The key of a route's answer for this caller; `None` if it must not be kept or taken from what is kept.
    pub(crate) fn key(&self, kind: Kept, found: &Match, caller: Option<&Caller>) -> Option<Key> {
        self.0.as_ref()?;
        let id = match kind {
            Kept::Gig => found.parameter("gigId"),
            Kept::Seller => found.parameter("sellerId"),
            Kept::SellerNamed | Kept::Buyer => found.parameter("username"),
        };
        let own = matches!(kind, Kept::SellerNamed | Kept::Buyer) && caller.is_none_or(|caller| caller.is(id));
        (!own).then(|| Key::of(kind, id, caller))
    }

    /// The kept answer, if there is one and it is for this caller.
    pub(crate) fn get(&self, key: &Key, caller: Option<&Caller>) -> Option<Arc<Answer>> {
        let inner = self.0.as_ref()?;
        let answer = match inner.of(key).get(key) {
            Some(Slot::Kept(answer)) if answer.is_for(caller) => Some(answer),
            _ => None,
        };
        inner.counts.of(if answer.is_some() { Use::Hit } else { Use::Miss }).inc();
        answer
    }

    /// Whether a change of it was heard of here lately: then it must not be found where that may not have been heard yet.
    pub(crate) fn is_spoilt(&self, key: &Key) -> bool {
        let slot = self.0.as_ref().and_then(|inner| inner.of(key).get(key));
        matches!(slot, Some(Slot::Spoilt(_)))
    }

    /// Now, before an answer is asked for.
    pub(crate) fn moment(&self) -> Moment {
        Moment(self.0.as_ref().map_or(0, |inner| inner.moments.fetch_add(1, Ordering::SeqCst)))
    }

    /// The answer to this caller that other gateways keep, if it is what its key says and for him. What is about a gig is kept here, too;
    /// profiles are not, since they change without an event and would be old for twice as long.
    pub(crate) fn take_over(
        &self,
        key: &Key,
        asked: Moment,
        body: &Bytes,
        caller: Option<&Caller>,
    ) -> Option<Arc<Answer>> {
        let answer = Arc::new(fit(key, body).filter(|answer| answer.is_for(caller))?);
        self.count(Use::Shared);
        if key.is_gig() {
            self.put(key.clone(), asked, Arc::clone(&answer));
        }
        Some(answer)
    }

    /// Keeps a good answer that was asked for at `asked`, unless something changed since, or it is not fit to be kept. Returns whether
    /// it is fit.
    pub(crate) fn keep(&self, key: Key, asked: Moment, body: &Bytes, caller: Option<&Caller>) -> bool {
        let fit = fit(&key, body).filter(|answer| answer.is_for(caller) || answer.owner.is_none());
        let is_fit = fit.is_some();
        if let Some(answer) = fit {
            self.put(key, asked, Arc::new(answer));
        }
        is_fit
    }

    fn put(&self, key: Key, asked: Moment, answer: Arc<Answer>) {
        let Some(inner) = &self.0 else { return };
        inner.counts.of(Use::Kept).inc();
        let kept = inner.of(&key);
        kept.entry(key.clone()).and_compute_with(|entry| match entry.map(moka::Entry::into_value) {
            Some(Slot::Spoilt(at)) if at > asked.0 => Op::Nop,
            _ => Op::Put(Slot::Kept(answer)),
        });
        // Afterwards: should everything be spoilt between this and the keeping, that finds the answer.
        if inner.spoilt.load(Ordering::SeqCst) > asked.0 {
            kept.invalidate(&key);
        }
    }

    /// Everything that is kept may have changed.
    pub(crate) fn spoil_all(&self) {
        let Some(inner) = &self.0 else { return };
        inner.counts.of(Use::SpoiltAll).inc();
        inner.spoilt.store(inner.moments.fetch_add(1, Ordering::SeqCst), Ordering::SeqCst);
        inner.gigs.invalidate_all();
        inner.profiles.invalidate_all();
    }

    /// What is kept of this has changed, whoever sees it.
    pub(crate) fn spoil(&self, kind: Kept, id: &str) {
        let Some(inner) = &self.0 else { return };
        inner.counts.of(Use::Spoilt).inc();
        let at = inner.moments.fetch_add(1, Ordering::SeqCst);
        for key in Key::of_everybody(kind, id) {
            inner.of(&key).insert(key, Slot::Spoilt(at));
        }
    }

    /// Spoils whatever a write by this caller may change, once it is over, however it ends.
    pub(crate) fn spoiling(&self, rule: CacheRule, found: &Match, caller: Option<&Caller>) -> Spoiling {
        let mut what = Vec::new();
        if let (CacheRule::Spoils(kind), true) = (rule, self.0.is_some()) {
            if kind == Kept::Gig {
                what.push((Kept::Gig, found.parameter("gigId").to_owned()));
            } else {
                what.push((Kept::Seller, found.parameter("sellerId").to_owned()));
                if let Some(caller) = caller {
                    what.push((Kept::SellerNamed, caller.username().to_owned()));
                    what.push((Kept::Buyer, caller.username().to_owned()));
                }
            }
        }
        Spoiling { cache: self.clone(), what }
    }
}

impl Inner {
    fn of(&self, key: &Key) -> &Cache<Key, Slot> {
        if key.is_gig() { &self.gigs } else { &self.profiles }
    }
}

/// A write under way.
#[derive(Debug)]
pub(crate) struct Spoiling {
    cache: AnswerCache,
    what: Vec<(Kept, String)>,
}

impl Drop for Spoiling {
    fn drop(&mut self) {
        for (kind, id) in self.what.drain(..) {
            self.cache.spoil(kind, &id);
        }
    }
}

/// What of an answer says whether it may be kept.
#[derive(Deserialize)]
struct Shown {
    gig: Option<ShownGig>,
    seller: Option<ShownProfile>,
    buyer: Option<ShownProfile>,
}

#[derive(Deserialize)]
struct ShownGig {
    id: String,
    active: bool,
}

#[derive(Deserialize)]
struct ShownProfile {
    #[serde(rename = "_id")]
    id: String,
    username: String,
}

/// The answer, if it is what its key says. Events name things by their ids, so an answer found by anything else could not
/// be dropped.
fn fit(key: &Key, body: &Bytes) -> Option<Answer> {
    let shown: Shown = serde_json::from_slice(body).ok().filter(|_| body.len() <= MOST)?;
    let (name, owner, public) = match (shown.gig, shown.seller.or(shown.buyer)) {
        (Some(gig), _) if key.is_gig() => (gig.id, None, gig.active),
        (None, Some(profile)) if key.kind == Kept::Seller => (profile.id, Some(profile.username), false),
        (None, Some(profile)) if !key.is_gig() => (profile.username.clone(), Some(profile.username), false),
        _ => return None,
    };
    (name.to_lowercase() == key.id).then_some(())?;
    let tag = etag::tag_of(body)?;
    Some(Answer { body: body.clone(), compressed: OnceLock::new(), tag, owner, public })
}

#[cfg(test)]
mod tests {
    use super::*;
    use jobapp_http::UserClaims;

    fn caller(name: &str) -> Caller {
        let claims = UserClaims { id: 1, email: "a@b.test".into(), username: name.into(), sid: "s".into(), role: None };
        Caller { claims }
    }

    fn gig(id: &str, active: bool) -> Bytes {
        format!(r#"{{"message":"","gig":{{"id":"{id}","active":{active},"username":"Iria"}}}}"#).into()
    }

    fn seller(name: &str) -> Bytes {
        format!(r#"{{"message":"","seller":{{"_id":"a1","username":"{name}"}}}}"#).into()
    }

    fn cache() -> AnswerCache {
        AnswerCache::counted(Duration::from_secs(60), &Metrics::new())
    }

    #[test]
    fn a_gig_is_kept_for_strangers_and_users_apart_and_spoilt_for_both() {
        let (cache, marta, iria) = (cache(), caller("Marta"), caller("Iria"));
        let strangers = Key::of(Kept::Gig, "AB", None);
        let users = Key::of(Kept::Gig, "AB", Some(&marta));
        cache.keep(strangers.clone(), cache.moment(), &gig("ab", true), None);
        assert!(cache.get(&strangers, None).is_some() && cache.get(&users, Some(&marta)).is_none());
        cache.keep(users.clone(), cache.moment(), &gig("ab", true), Some(&marta));
        assert!(cache.get(&users, Some(&iria)).is_some());
        cache.spoil(Kept::Gig, "aB");
        assert!(cache.get(&strangers, None).is_none() && cache.get(&users, Some(&iria)).is_none());
    }

    #[test]
    fn a_paused_gig_is_not_kept_for_strangers() {
        let (cache, marta) = (cache(), caller("Marta"));
        for caller in [None, Some(&marta)] {
            let key = Key::of(Kept::Gig, "ab", caller);
            cache.keep(key.clone(), cache.moment(), &gig("ab", false), caller);
            assert_eq!(cache.get(&key, caller).is_some(), caller.is_some());
        }
    }

    #[test]
    fn what_was_asked_for_before_a_change_is_not_kept() {
        let cache = cache();
        let key = Key::of(Kept::Gig, "ab", None);
        let before = cache.moment();
        cache.spoil(Kept::Gig, "ab");
        cache.keep(key.clone(), before, &gig("ab", true), None);
        assert!(cache.get(&key, None).is_none());
        cache.keep(key.clone(), cache.moment(), &gig("ab", true), None);
        assert!(cache.get(&key, None).is_some());
        cache.spoil(Kept::Gig, "ab");
        assert!(cache.get(&key, None).is_none());
    }

    #[test]
    fn after_news_that_may_have_been_missed_nothing_older_is_shown() {
        let cache = cache();
        let key = Key::of(Kept::Gig, "ab", None);
        let before = cache.moment();
        cache.keep(key.clone(), before, &gig("ab", true), None);
        assert!(cache.get(&key, None).is_some());
        cache.spoil_all();
        assert!(cache.get(&key, None).is_none());
        cache.keep(key.clone(), before, &gig("ab", true), None);
        assert!(cache.get(&key, None).is_none(), "it was asked for before");
        cache.keep(key.clone(), cache.moment(), &gig("ab", true), None);
        assert!(cache.get(&key, None).is_some());
    }

    #[test]
    fn nobodys_own_profile_is_kept_and_nobody_gets_his_own_from_what_is() {
        let cache = cache();
        let (iria, marta) = (caller("Iria"), caller("Marta"));
        let key = Key::of(Kept::Seller, "A1", Some(&marta));
        cache.keep(key.clone(), cache.moment(), &seller("Iria"), Some(&iria));
        assert!(cache.get(&key, Some(&marta)).is_none(), "the own variant was kept");
        cache.keep(key.clone(), cache.moment(), &seller("Iria"), Some(&marta));
        assert!(cache.get(&key, Some(&marta)).is_some());
        assert!(cache.get(&key, Some(&iria)).is_none() && cache.get(&key, None).is_none());
    }

    #[test]
    fn an_answer_that_is_not_what_its_key_says_is_not_kept() {
        let (cache, marta) = (cache(), caller("Marta"));
        for (kind, id, body) in [
            (Kept::Gig, "other", gig("ab", true)),
            (Kept::Seller, "a1", gig("a1", true)),
            (Kept::Seller, "Iria", seller("Iria")),
            (Kept::SellerNamed, "iria", Bytes::from_static(br#"{"message":"","seller":null}"#)),
            (Kept::Gig, "ab", Bytes::from_static(b"<html>")),
        ] {
            let key = Key::of(kind, id, Some(&marta));
            cache.keep(key.clone(), cache.moment(), &body, Some(&marta));
            assert!(cache.get(&key, Some(&marta)).is_none(), "{kind:?} {id}");
        }
    }

    #[tokio::test]
    async fn a_kept_answer_is_compressed_once_for_who_can_read_it() {
        let cache = cache();
        let body: Bytes = format!(
            r#"{{"message":"{}","gig":{{"id":"ab","active":true,"username":"Iria"}}}}"#,
            "Three drafts by hand. ".repeat(100)
        )
        .into();
        let key = Key::of(Kept::Gig, "ab", None);
        cache.keep(key.clone(), cache.moment(), &body, None);
        let answer = cache.get(&key, None).unwrap();
        for (accepted, encoded) in
            [("gzip, br", true), ("GZIP;q=0.5", true), ("gzip;q=0", false), ("br", false), ("identity", false)]
        {
            let mut request = HeaderMap::new();
            request.insert(ACCEPT_ENCODING, HeaderValue::from_static(accepted));
            let response = answer.response(&request);
            assert_eq!(response.headers().contains_key(CONTENT_ENCODING), encoded, "{accepted}");
            assert_eq!(response.headers()[VARY], "Accept-Encoding");
            let sent = axum::body::to_bytes(response.into_body(), MOST).await.unwrap();
            if encoded {
                let mut read = String::new();
                std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(&*sent), &mut read).unwrap();
                assert!(sent.len() < body.len() / 2 && read.as_bytes() == body);
            } else {
                assert_eq!(sent, body);
            }
        }
        assert!(answer.response(&HeaderMap::new()).headers().get(CONTENT_ENCODING).is_none());
    }

    #[test]
    fn an_age_of_zero_keeps_nothing() {
        let cache = AnswerCache::counted(Duration::ZERO, &Metrics::new());
        let key = Key::of(Kept::Gig, "ab", None);
        cache.keep(key.clone(), cache.moment(), &gig("ab", true), None);
        assert!(cache.get(&key, None).is_none());
    }
}
