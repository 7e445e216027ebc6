//! Socket.IO packets of the default namespace.
//!
//! Of what a client sends only that is kept which means something here: the first arguments of an event, and of these a
//! text or the name in an object. The rest is read over, however much and however deep it is.

use std::fmt;

use jobapp_realtime_core::Position;
use serde::Deserialize;
use serde::de::{Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use socketioxide_core::Str;
use socketioxide_core::packet::PacketData;
use socketioxide_core::parser::{Parse, ParseConfig, ParseError, ParserState};
use socketioxide_parser_common::CommonParser;

/// How many arguments of an event mean something, at the most.
const ARGUMENTS: usize = 2;
/// The longest name of a namespace that is answered to, in bytes.
const LONGEST_NAMESPACE: usize = 100;

/// What a client sent.
#[derive(Debug, PartialEq)]
pub(crate) enum Incoming {
    /// It wants to join the default namespace.
    Connect(Auth),
    /// It wants to join another namespace.
    ConnectElsewhere(String),
    /// It leaves the default namespace.
    Disconnect,
    /// An event with its arguments.
    Event(String, Vec<Argument>),
    /// Anything the existing client does not send and we do not answer: binary data, acknowledgements.
    Other,
}

/// An argument of an event, as far as it can mean something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Argument {
    /// A text.
    Text(String),
    /// An object that names a user.
    User(String),
    /// Anything else.
    Other,
}

/// What a client shows when it joins.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub(crate) struct Auth {
    /// The private id of the socket it wants to resume.
    #[serde(default)]
    pub(crate) pid: Option<String>,
    /// The last offset that socket got.
    #[serde(default)]
    pub(crate) offset: Option<String>,
}

/// Not Socket.IO.
#[derive(Debug, thiserror::Error)]
#[error("the packet is not Socket.IO")]
pub(crate) struct Malformed;

/// Reads a packet.
pub(crate) fn decode(text: &str) -> Result<Incoming, Malformed> {
    // Binary packets come in parts. Nobody sends us any, so no part is kept.
    let packet =
        match CommonParser.decode_str(&ParseConfig::default(), &ParserState::default(), Str::from(text.to_owned())) {
            Ok(packet) => packet,
            Err(ParseError::NeedsMoreBinaryData) => return Ok(Incoming::Other),
            Err(_) => return Err(Malformed),
        };
    let here = packet.ns == "/";
    Ok(match packet.inner {
        PacketData::Connect(_) if !here => elsewhere(&packet.ns)?,
        PacketData::Connect(auth) => Incoming::Connect(auth.map(read_auth).unwrap_or_default()),
        PacketData::Disconnect if here => Incoming::Disconnect,
        PacketData::Event(data, _) if here => {
            let text = data.as_str().ok_or(Malformed)?;
            let Event { name, arguments } = serde_json::from_str(text).map_err(|_| Malformed)?;
            Incoming::Event(name, arguments)
        }
        _ => Incoming::Other,
    })
}

/// The answer repeats the name.
fn elsewhere(namespace: &str) -> Result<Incoming, Malformed> {
    if namespace.len() > LONGEST_NAMESPACE || namespace.contains(char::is_control) {
        return Err(Malformed);
    }
    Ok(Incoming::ConnectElsewhere(namespace.to_owned()))
}

/// An event as it is written: an array of its name and its arguments.
struct Event {
    name: String,
    arguments: Vec<Argument>,
}

impl<'de> Deserialize<'de> for Event {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;

        impl<'de> Visitor<'de> for Reader {
            type Value = Event;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array of a name and arguments")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<Event, A::Error> {
                let name = array.next_element()?.ok_or_else(|| A::Error::invalid_length(0, &self))?;
                let mut arguments = Vec::new();
                while arguments.len() < ARGUMENTS {
                    let Some(argument) = array.next_element()? else { return Ok(Event { name, arguments }) };
                    arguments.push(argument);
                }
                read_over(array)?;
                Ok(Event { name, arguments })
            }
        }

        deserializer.deserialize_seq(Reader)
    }
}

impl<'de> Deserialize<'de> for Argument {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;

        impl<'de> Visitor<'de> for Reader {
            type Value = Argument;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("anything")
            }

            fn visit_str<E>(self, text: &str) -> Result<Argument, E> {
                Ok(Argument::Text(text.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, object: A) -> Result<Argument, A::Error> {
                user_in(object)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, array: A) -> Result<Argument, A::Error> {
                read_over(array).map(|()| Argument::Other)
            }

            fn visit_unit<E>(self) -> Result<Argument, E> {
                Ok(Argument::Other)
            }

            fn visit_bool<E>(self, _: bool) -> Result<Argument, E> {
                Ok(Argument::Other)
            }

            fn visit_i64<E>(self, _: i64) -> Result<Argument, E> {
                Ok(Argument::Other)
            }

            fn visit_u64<E>(self, _: u64) -> Result<Argument, E> {
                Ok(Argument::Other)
            }

            fn visit_f64<E>(self, _: f64) -> Result<Argument, E> {
                Ok(Argument::Other)
            }
        }

        deserializer.deserialize_any(Reader)
    }
}

fn read_over<'de, A: SeqAccess<'de>>(mut array: A) -> Result<(), A::Error> {
    while array.next_element::<IgnoredAny>()?.is_some() {}
    Ok(())
}

/// The name in an object: its `username`, or its `id` without one.
fn user_in<'de, A: MapAccess<'de>>(mut object: A) -> Result<Argument, A::Error> {
    #[derive(Deserialize)]
    #[serde(field_identifier, rename_all = "lowercase")]
    enum Key {
        Username,
        Id,
        #[serde(other)]
        Other,
    }

    let (mut username, mut id) = (None, None);
    while let Some(key) = object.next_key()? {
        match key {
            Key::Username => username = Some(object.next_value::<Argument>()?),
            Key::Id => id = Some(object.next_value::<Argument>()?),
            Key::Other => drop(object.next_value::<IgnoredAny>()?),
        }
    }
    Ok(match username.or(id) {
        Some(Argument::Text(name)) => Argument::User(name),
        _ => Argument::Other,
    })
}

/// Clients may show anything when they join; what is no invitation to resume is nothing.
fn read_auth(value: socketioxide_core::Value) -> Auth {
    value.as_str().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
}

/// The answer to a socket that joined, with its private id if it can resume later.
pub(crate) fn connected(socket_id: &str, pid: Option<&str>) -> Str {
    let body = match pid {
        Some(pid) => serde_json::json!({ "sid": socket_id, "pid": pid }),
        None => serde_json::json!({ "sid": socket_id }),
    };
    Str::from(format!("0{body}"))
}

/// The answer to a socket that wanted to join a namespace we do not have.
pub(crate) fn no_such_namespace(namespace: &str) -> Str {
    Str::from(format!("4{namespace},{{\"message\":\"Invalid namespace\"}}"))
}

/// An event. With an offset the client can resume after it: a last argument more than the event has.
pub(crate) fn event(name: &str, arguments: &[Value], offset: Option<Position>) -> Str {
    let mut text = format!("2[{}", Value::from(name));
    for argument in arguments {
        text.push(',');
        text.push_str(&argument.to_string());
    }
    if let Some(offset) = offset {
        text.push_str(&format!(",\"{offset}\""));
    }
    text.push(']');
    Str::from(text)
}

/// The list of users who are online.
pub(crate) fn online<'u>(users: impl Iterator<Item = &'u str>) -> Str {
    event("online", &[users.map(Value::from).collect()], None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn joining_may_carry_what_is_needed_to_resume() {
        assert_eq!(decode("0").unwrap(), Incoming::Connect(Auth::default()));
        let auth = Auth { pid: Some("p".into()), offset: Some("o".into()) };
        assert_eq!(decode(r#"0{"pid":"p","offset":"o","token":1}"#).unwrap(), Incoming::Connect(auth));
        assert_eq!(decode(r#"0{"pid":7}"#).unwrap(), Incoming::Connect(Auth::default()));
        assert_eq!(decode("0nonsense").unwrap(), Incoming::Connect(Auth::default()));
        assert_eq!(decode("0/admin,").unwrap(), Incoming::ConnectElsewhere("/admin".into()));
    }

    #[test]
    fn events_have_a_name_and_arguments() {
        let event = decode(r#"2["category","web","Anna"]"#).unwrap();
        let arguments = ["web", "Anna"].map(|text| Argument::Text(text.into()));
        assert_eq!(event, Incoming::Event("category".into(), arguments.into()));
        // With a request for an acknowledgement.
        assert!(matches!(decode(r#"212["getLoggedInUsers",""]"#).unwrap(), Incoming::Event(..)));
        assert_eq!(decode("1").unwrap(), Incoming::Disconnect);
    }

    #[test]
    fn an_argument_is_a_text_or_the_name_in_an_object() {
        for (json, argument) in [
            (r#""Anna""#, Argument::Text("Anna".into())),
            (r#"{"username":"Anna"}"#, Argument::User("Anna".into())),
            (r#"{"deep":[{}],"id":"Anna"}"#, Argument::User("Anna".into())),
            (r#"{"username":7,"id":"Anna"}"#, Argument::Other),
            (r#"{"name":"Anna"}"#, Argument::Other),
            ("null", Argument::Other),
            ("-1.5e3", Argument::Other),
            ("18446744073709551616", Argument::Other),
            ("true", Argument::Other),
            (r#"["Anna"]"#, Argument::Other),
        ] {
            let event = decode(&format!(r#"2["loggedInUsers",{json}]"#)).unwrap();
            assert_eq!(event, Incoming::Event("loggedInUsers".into(), vec![argument]), "{json}");
        }
    }

    #[test]
    fn of_many_or_deep_arguments_nothing_is_kept_that_means_nothing() {
        let many = format!(r#"2["category","web","Anna"{}]"#, ",{}".repeat(300_000));
        let deep = format!(r#"2["category","web","Anna",{}{}]"#, "[".repeat(400_000), "]".repeat(400_000));
        let wide = format!(r#"2["getLoggedInUsers",[0{}]]"#, ",0".repeat(400_000));
        for (text, kept) in [(many, 2), (deep, 2), (wide, 1)] {
            let Ok(Incoming::Event(_, arguments)) = decode(&text) else { panic!("{}", &text[..30]) };
            assert_eq!(arguments.len(), kept);
        }
        let deep = format!(r#"2["category",{}{}]"#, r#"{"id":"#.repeat(1_000), "}".repeat(1_000));
        assert!(decode(&deep).is_err(), "objects within objects are not followed far");
    }

    #[test]
    fn numbers_in_packets_may_have_any_length() {
        let digits = "9".repeat(500_000);
        assert!(decode(&format!("5{digits}-[\"x\"]")).is_err());
        assert!(decode(&format!("2{digits}[\"getLoggedInUsers\"]")).is_ok());
        assert!(decode(&format!("3{digits}[]")).is_err());
        assert!(decode("59999999999-[\"x\"]").is_err(), "more binary data is announced than anybody would keep");
    }

    #[test]
    fn the_name_of_a_namespace_is_repeated_only_if_it_is_one() {
        assert!(decode("0/admin").is_ok());
        for name in ["x".repeat(LONGEST_NAMESPACE), "a\u{1e}4".into(), "a\n".into()] {
            assert!(decode(&format!("0/{name},")).is_err());
        }
    }

    #[test]
    fn what_nobody_sends_us_is_passed_over() {
        assert_eq!(decode(r#"51-["file",{"_placeholder":true,"num":0}]"#).unwrap(), Incoming::Other);
        assert_eq!(decode(r#"2/admin,["x"]"#).unwrap(), Incoming::Other);
        assert_eq!(decode("31[]").unwrap(), Incoming::Other);
    }

    #[test]
    fn what_is_no_packet_is_malformed() {
        for text in ["", "9", "2", "2{}", "2[]", "2[1]", "2[\"a\"", "x", "é"] {
            assert!(decode(text).is_err(), "{text}");
        }
    }

    #[test]
    fn arguments_keep_their_order_and_the_offset_is_last() {
        let offset = Position { era: 16, number: 1 };
        let text = event("order notification", &[json!({"a": 1}), json!("b")], Some(offset));
        assert_eq!(text, r#"2["order notification",{"a":1},"b","10-1"]"#);
        assert_eq!(online(["Anna"].into_iter()), r#"2["online",["Anna"]]"#);
    }

    #[test]
    fn answers_to_joining() {
        assert_eq!(connected("s", None), r#"0{"sid":"s"}"#);
        assert_eq!(connected("s", Some("p")), r#"0{"pid":"p","sid":"s"}"#);
        assert_eq!(no_such_namespace("/x"), r#"4/x,{"message":"Invalid namespace"}"#);
    }
}
