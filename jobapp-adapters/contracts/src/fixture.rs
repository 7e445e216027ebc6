//! Kettles: an aggregate with a key of every sort, and what a suite needs to get at them.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use futures::future::BoxFuture;
use jobapp_kernel::{
    Aggregate, Change, InvalidState, Key, KeyValue, ObjectId, Outbox, Repository, RepositoryError, Saved, Sequence,
    Stored, Timestamp, Version,
};
use serde::{Deserialize, Serialize};

/// A thing that boils water and is found in every way a store offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kettle {
    /// What identifies it.
    pub id: ObjectId,
    /// Nobody else has it.
    pub serial: String,
    /// Nobody else has it, if it has one at all.
    pub nickname: Option<String>,
    /// Owners have many kettles.
    pub owner: String,
    /// When it was made: what an owner's kettles are sorted by.
    pub made: Timestamp,
    /// In cents.
    pub price: i64,
    /// Shared by many kettles.
    pub tags: Vec<String>,
    /// Numbers, shared by many kettles.
    pub voltages: Vec<i64>,
    /// Each is part of one kettle.
    pub parts: Vec<String>,
    /// No key.
    pub note: String,
}

/// What happens to kettles.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum KettleEvent {
    /// It has an owner.
    Bought {
        /// Who.
        owner: String,
    },
    /// The water is hot.
    Boiled {
        /// The how manieth time.
        times: u32,
    },
    /// It is no more.
    Scrapped,
}

/// What is stored of a kettle.
#[derive(Debug, Serialize)]
#[serde(tag = "v")]
pub enum KettleState {
    /// The first shape.
    #[serde(rename = "1")]
    V1(Box<KettleStateV1>),
}
jobapp_kernel::forms!(KettleState { "1" => V1 });

/// The first shape of what is stored of a kettle.
#[derive(Debug, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are those of the kettle")]
pub struct KettleStateV1 {
    pub id: ObjectId,
    pub serial: String,
    pub nickname: Option<String>,
    pub owner: String,
    pub made: Timestamp,
    pub price: i64,
    pub tags: Vec<String>,
    pub voltages: Vec<i64>,
    pub parts: Vec<String>,
    pub note: String,
}

impl Kettle {
    /// The one with a serial number.
    pub const SERIAL: Key<Self> = Key::<Self>::text("serial", |kettle| vec![kettle.serial.as_str().into()]).unique();
    /// The one with a nickname.
    pub const NICKNAME: Key<Self> =
        Key::<Self>::text("nickname", |kettle| kettle.nickname.as_deref().map(KeyValue::from).into_iter().collect())
            .unique();
    /// An owner's, by age.
    pub const OWNER: Key<Self> =
        Key::<Self>::text("owner", |kettle| vec![kettle.owner.as_str().into()]).sorted_by(|kettle| kettle.made.into());
    /// By price.
    pub const PRICE: Key<Self> = Key::<Self>::int("price", |kettle| vec![kettle.price.into()]);
    /// With a tag, by age.
    pub const TAG: Key<Self> =
        Key::<Self>::text("tag", |kettle| kettle.tags.iter().map(|tag| tag.as_str().into()).collect())
            .many()
            .sorted_by(|kettle| kettle.made.into());
    /// For a voltage.
    pub const VOLTAGE: Key<Self> =
        Key::<Self>::int("voltage", |kettle| kettle.voltages.iter().map(|volts| (*volts).into()).collect()).many();
    /// The one with a part.
    pub const PART: Key<Self> =
        Key::<Self>::text("part", |kettle| kettle.parts.iter().map(|part| part.as_str().into()).collect())
            .many()
            .unique();
}

impl Aggregate for Kettle {
    const NAME: &'static str = "kettle";
    type Id = ObjectId;
    type Event = KettleEvent;
    type State = KettleState;

    fn id(&self) -> &ObjectId {
        &self.id
    }

    fn keys() -> &'static [Key<Self>] {
        const {
            &[
                Kettle::SERIAL,
                Kettle::NICKNAME,
                Kettle::OWNER,
                Kettle::PRICE,
                Kettle::TAG,
                Kettle::VOLTAGE,
                Kettle::PART,
            ]
        }
    }

    fn to_state(&self) -> KettleState {
        let Self { id, serial, nickname, owner, made, price, tags, voltages, parts, note } = self.clone();
        KettleState::V1(Box::new(KettleStateV1 {
            id,
            serial,
            nickname,
            owner,
            made,
            price,
            tags,
            voltages,
            parts,
            note,
        }))
    }

    fn from_state(state: KettleState) -> Result<Self, InvalidState> {
        let KettleState::V1(state) = state;
        let KettleStateV1 { id, serial, nickname, owner, made, price, tags, voltages, parts, note } = *state;
        if serial.is_empty() {
            return Err(InvalidState::new("a kettle has a serial number"));
        }
        Ok(Self { id, serial, nickname, owner, made, price, tags, voltages, parts, note })
    }
}

/// The id made of a number, in the number's order.
pub fn id(number: u64) -> ObjectId {
    let mut bytes = [0; 12];
    bytes[4..].copy_from_slice(&number.to_be_bytes());
    ObjectId::from_bytes(bytes)
}

/// The instant this many seconds after 1970.
pub fn at(seconds: u32) -> Timestamp {
    Timestamp::EPOCH.plus(std::time::Duration::from_secs(seconds.into()))
}

/// A kettle that shares no unique value with one of another number.
pub fn a_kettle(number: u64) -> Kettle {
    Kettle {
        id: id(number),
        serial: format!("serial {number}"),
        nickname: None,
        owner: "ada".to_owned(),
        made: Timestamp::EPOCH,
        price: 1999,
        tags: Vec::new(),
        voltages: Vec::new(),
        parts: Vec::new(),
        note: "stainless".to_owned(),
    }
}

/// The event of being bought by its owner.
pub fn bought(kettle: &Kettle) -> KettleEvent {
    KettleEvent::Bought { owner: kettle.owner.clone() }
}

/// Replaces the stored state of a kettle by another text, behind the store's back.
pub type Corrupt = Box<dyn Fn(ObjectId, &'static str) -> BoxFuture<'static, ()> + Send + Sync>;

/// Opens what is stored a second time, as another process would; the first handle may be in use or gone.
pub type Reopen = Arc<dyn Fn() -> BoxFuture<'static, Harness> + Send + Sync>;

/// A fresh store and what its suite needs besides the ports.
pub struct Harness {
    /// The store of kettles.
    pub kettles: Arc<dyn Repository<Kettle>>,
    /// Its outbox.
    pub outbox: Arc<dyn Outbox>,
    /// Its sequences.
    pub sequence: Arc<dyn Sequence>,
    /// Spoils what is stored.
    pub corrupt: Corrupt,
    /// Opens it again, if what is stored outlives its handle: what the durability suite needs.
    pub reopen: Option<Reopen>,
    /// What must live as long as the store, such as a temporary folder.
    pub guard: Box<dyn Any + Send + Sync>,
}

impl fmt::Debug for Harness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Harness").finish_non_exhaustive()
    }
}

impl Harness {
    /// Opens the same store again.
    pub(crate) async fn reopened(&self) -> Self {
        let reopen = self.reopen.as_ref().expect("the durability suite is for stores that can be opened again");
        reopen().await
    }

    pub(crate) async fn save(&self, change: Change<Kettle>) -> Result<Saved, RepositoryError> {
        self.kettles.save(change).await
    }

    /// Stores a kettle that must be new.
    pub(crate) async fn insert(&self, kettle: &Kettle) -> Version {
        self.stored(Change::insert(kettle.clone(), vec![])).await
    }

    /// Makes a change that must go through.
    pub(crate) async fn stored(&self, change: Change<Kettle>) -> Version {
        self.save(change).await.unwrap().version().expect("the cause of the change is new")
    }

    /// Loads a kettle that must be there.
    pub(crate) async fn load(&self, id: ObjectId) -> Stored<Kettle> {
        self.kettles.find(&id).await.unwrap().expect("the kettle is stored")
    }

    /// The kettle with this value of a unique key.
    pub(crate) async fn holder(&self, key: Key<Kettle>, value: &str) -> Option<ObjectId> {
        self.kettles.find_by(key, value.into()).await.unwrap().map(|stored| stored.value.id)
    }

    /// The ids of the entries that wait and are leased to nobody else; nobody else is kept from them.
    pub(crate) async fn entry_ids(&self) -> Vec<String> {
        let entries = self.outbox.lease("onlooker", std::time::Duration::ZERO, 1000).await.unwrap();
        entries.into_iter().map(|entry| entry.id.0).collect()
    }
}
