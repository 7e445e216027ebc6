//! States that say in which form they are stored.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, MapAccess, Visitor};

/// The field that names the form.
const FORM: &str = "v";

/// A state with several forms, each with a name of its own: made by [`forms!`](crate::forms).
pub trait Forms: Sized {
    /// The names of all forms.
    const NAMES: &'static [&'static str];

    /// Reads the form of this name.
    ///
    /// # Errors
    /// When there is no such form, or this is none.
    fn read<'de, D: Deserializer<'de>>(name: &str, rest: D) -> Result<Self, D::Error>;
}

/// Has a state be read by the form that its field `v` names, which comes first in what was stored.
///
/// The attribute `#[serde(tag = "v")]` does the same for both directions, but copies everything before it reads it, since the
/// field may stand anywhere: that took as long as all the rest of reading a value. What was written by somebody else, with the
/// field elsewhere, is still read.
///
/// ```
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize)]
/// #[serde(tag = "v")]
/// enum KettleState {
///     #[serde(rename = "1")]
///     V1(KettleV1),
/// }
/// jobapp_kernel::forms!(KettleState { "1" => V1 });
///
/// #[derive(Serialize, Deserialize)]
/// struct KettleV1 {
///     owner: String,
/// }
///
/// let KettleState::V1(kettle) = serde_json::from_str(r#"{"v":"1","owner":"ada"}"#)?;
/// assert_eq!(kettle.owner, "ada");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[macro_export]
macro_rules! forms {
    ($state:ty { $($name:literal => $variant:ident),+ $(,)? }) => {
        impl $crate::Forms for $state {
            const NAMES: &'static [&'static str] = &[$($name),+];

            fn read<'de, D: ::serde::Deserializer<'de>>(name: &str, rest: D) -> Result<Self, D::Error> {
                match name {
                    $($name => ::serde::Deserialize::deserialize(rest).map(Self::$variant),)+
                    other => Err(::serde::de::Error::unknown_variant(other, <Self as $crate::Forms>::NAMES)),
                }
            }
        }

        impl<'de> ::serde::Deserialize<'de> for $state {
            fn deserialize<D: ::serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $crate::read_form(deserializer)
            }
        }
    };
}

/// Reads a state by the form it names.
///
/// # Errors
/// When it names none, or cannot be read in that form.
pub fn read_form<'de, D: Deserializer<'de>, F: Forms>(deserializer: D) -> Result<F, D::Error> {
    deserializer.deserialize_map(FormVisitor(PhantomData))
}

struct FormVisitor<F>(PhantomData<F>);

impl<'de, F: Forms> Visitor<'de> for FormVisitor<F> {
    type Value = F;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a state whose field `{FORM}` is one of {:?}", F::NAMES)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<F, A::Error> {
        let mut before = serde_json::Map::new();
        while let Some(field) = map.next_key::<String>()? {
            if field != FORM {
                before.insert(field, map.next_value()?);
                continue;
            }
            let form: String = map.next_value()?;
            if before.is_empty() {
                return F::read(&form, MapAccessDeserializer::new(map));
            }
            while let Some((field, value)) = map.next_entry()? {
                before.insert(field, value);
            }
            return F::read(&form, serde_json::Value::Object(before)).map_err(A::Error::custom);
        }
        Err(A::Error::missing_field(FORM))
    }
}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};

    #[derive(Debug, PartialEq, Serialize)]
    #[serde(tag = "v")]
    enum State {
        #[serde(rename = "1")]
        V1(Box<First>),
        #[serde(rename = "2")]
        V2(Second),
    }
    crate::forms!(State { "1" => V1, "2" => V2 });

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct First {
        owner: String,
        #[serde(default)]
        tags: Vec<u8>,
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Second {
        id: u64,
        #[serde(flatten)]
        rest: First,
    }

    fn first(tags: &[u8]) -> State {
        State::V1(Box::new(First { owner: "ada".to_owned(), tags: tags.to_vec() }))
    }

    #[test]
    fn what_is_written_is_read() {
        for state in [first(&[1, 2]), State::V2(Second { id: 7, rest: First { owner: "bo".to_owned(), tags: vec![] } })]
        {
            let text = serde_json::to_string(&state).unwrap();
            assert!(text.starts_with(r#"{"v":"#), "{text}");
            assert_eq!(serde_json::from_str::<State>(&text).unwrap(), state);
        }
    }

    #[test]
    fn the_form_may_stand_anywhere_and_unknown_fields_do_no_harm() {
        for text in [
            r#"{"v":"1","owner":"ada"}"#,
            r#"{"owner":"ada","v":"1","tags":[],"more":{"v":"2"}}"#,
            r#"{"more":null,"owner":"ada","v":"1"}"#,
        ] {
            assert_eq!(serde_json::from_str::<State>(text).unwrap(), first(&[]), "{text}");
            let value: serde_json::Value = serde_json::from_str(text).unwrap();
            assert_eq!(serde_json::from_value::<State>(value).unwrap(), first(&[]), "{text}");
        }
    }

    #[test]
    fn what_is_no_state_is_told() {
        for (text, told) in [
            (r#"{"owner":"ada"}"#, "missing field `v`"),
            (r#"{"v":"3","owner":"ada"}"#, "unknown variant `3`"),
            (r#"{"v":"1"}"#, "missing field `owner`"),
            (r#"{"tags":[],"v":"1"}"#, "missing field `owner`"),
            (r#"{"v":1,"owner":"ada"}"#, "invalid type"),
            ("7", "a state whose field"),
        ] {
            let error = serde_json::from_str::<State>(text).unwrap_err().to_string();
            assert!(error.contains(told), "{text}: {error}");
        }
    }
}
