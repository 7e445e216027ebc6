//! Kettles with other keys than the fixture's, stored under the same name: what a later program declares.

use jobapp_kernel::{Aggregate, Change, InvalidState, Key, KeyValue, ObjectId, PageRequest, Repository};

use crate::fixture::{Kettle, KettleEvent, KettleState, a_kettle, at};

/// Declares a kettle with other keys than the fixture's, stored in the same table.
macro_rules! kettle_with_keys {
    ($(#[$doc:meta])* $name:ident, $($key:ident = $value:expr),* $(,)?) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq)]
        pub struct $name(pub Kettle);

        impl $name {
            $(#[doc = concat!("The key `", stringify!($key), "`.")] pub const $key: Key<Self> = $value;)*
        }

        impl Aggregate for $name {
            const NAME: &'static str = Kettle::NAME;
            type Id = ObjectId;
            type Event = KettleEvent;
            type State = KettleState;

            fn id(&self) -> &ObjectId {
                &self.0.id
            }
            fn keys() -> &'static [Key<Self>] {
                const { &[$($name::$key),*] }
            }
            fn to_state(&self) -> KettleState {
                self.0.to_state()
            }
            fn from_state(state: KettleState) -> Result<Self, InvalidState> {
                Kettle::from_state(state).map(Self)
            }
        }
    };
}

fn owner<A: AsRef<Kettle>>(kettle: &A) -> Vec<KeyValue> {
    vec![kettle.as_ref().owner.as_str().into()]
}

fn tags<A: AsRef<Kettle>>(kettle: &A) -> Vec<KeyValue> {
    kettle.as_ref().tags.iter().map(|tag| tag.as_str().into()).collect()
}

kettle_with_keys!(
    /// Has no keys.
    Bare,
);
kettle_with_keys!(
    /// Has keys of every sort.
    Keyed,
    SERIAL = Key::<Self>::text("serial", |kettle| vec![kettle.0.serial.as_str().into()]).unique(),
    NICKNAME =
        Key::<Self>::text("nickname", |kettle| kettle.0.nickname.as_deref().map(KeyValue::from).into_iter().collect())
            .unique(),
    OWNER = Key::<Self>::text("owner", owner).sorted_by(|kettle| kettle.0.made.into()),
    PRICE = Key::<Self>::int("price", |kettle| vec![kettle.0.price.into()]),
    TAG = Key::<Self>::text("tag", tags).many().sorted_by(|kettle| kettle.0.made.into()),
    PART = Key::<Self>::text("part", |kettle| kettle.0.parts.iter().map(|part| part.as_str().into()).collect())
        .many()
        .unique(),
);
kettle_with_keys!(
    /// Is listed by its owner.
    Owned,
    OWNER = Key::<Self>::text("owner", owner).sorted_by(|kettle| kettle.0.made.into()),
);
kettle_with_keys!(
    /// No owner has two.
    OneEach,
    OWNER = Key::<Self>::text("owner", owner).unique(),
);
kettle_with_keys!(
    /// No two have a tag in common.
    OneTagEach,
    TAG = Key::<Self>::text("tag", tags).many().unique(),
);

impl AsRef<Kettle> for Keyed {
    fn as_ref(&self) -> &Kettle {
        &self.0
    }
}
impl AsRef<Kettle> for Owned {
    fn as_ref(&self) -> &Kettle {
        &self.0
    }
}
impl AsRef<Kettle> for OneEach {
    fn as_ref(&self) -> &Kettle {
        &self.0
    }
}
impl AsRef<Kettle> for OneTagEach {
    fn as_ref(&self) -> &Kettle {
        &self.0
    }
}

/// Kettle `number`: different from the others in every key that is unique.
pub fn kettle(number: u64) -> Kettle {
    Kettle {
        nickname: number.is_multiple_of(2).then(|| format!("nick {number}")),
        owner: format!("owner {}", number % 3),
        made: at(u32::try_from(1000 - number).unwrap()),
        price: i64::try_from(number).unwrap(),
        tags: vec!["all".into(), format!("tag {}", number % 2)],
        parts: vec![format!("lid {number}"), format!("spout {number}")],
        ..a_kettle(number)
    }
}

/// Stores kettles 1 to `count` without keys.
pub async fn fill(bare: &dyn Repository<Bare>, count: u64) {
    for number in 1..=count {
        bare.save(Change::insert(Bare(kettle(number)), vec![])).await.unwrap().version().unwrap();
    }
}

/// Which kettles have `value` for a key, in its order.
pub async fn listed<A: Aggregate<Id = ObjectId>>(
    kettles: &dyn Repository<A>,
    key: Key<A>,
    value: &str,
) -> Vec<ObjectId> {
    let page = kettles.list(key, value.into(), PageRequest::first(1000)).await.unwrap();
    page.items.iter().map(|stored| *stored.value.id()).collect()
}
