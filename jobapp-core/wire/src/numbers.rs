//! Numbers in documents.

/// Whole numbers without a fraction, as every JSON writer but Rust's does: `32`, not `32.0`.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
pub(crate) fn plain_number<S: serde::Serializer>(number: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if number.fract() == 0.0 && number.abs() < EXACT {
        #[expect(clippy::cast_possible_truncation, reason = "a whole number below 2^53")]
        return serializer.serialize_i64(*number as i64);
    }
    serializer.serialize_f64(*number)
}

#[expect(clippy::ref_option, reason = "serde passes references")]
pub(crate) fn optional_plain_number<S: serde::Serializer>(
    number: &Option<f64>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match number {
        Some(number) => plain_number(number, serializer),
        None => serializer.serialize_none(),
    }
}

/// A number, or a text that is one: foreign producers hand on what a form gave them.
#[derive(serde::Deserialize)]
#[serde(untagged)]
enum Written {
    Number(f64),
    Text(String),
}

/// Reads a number or a text that is one.
///
/// # Errors
/// When it is neither.
pub fn amount<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    use serde::Deserialize;
    use serde::de::Error;
    match Written::deserialize(deserializer)? {
        Written::Number(number) => Ok(number),
        Written::Text(text) => match text.trim().parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(number),
            _ => Err(D::Error::custom(format_args!("{text:?} is no number"))),
        },
    }
}

/// Reads a whole number or a text that is one.
///
/// # Errors
/// When it is neither, or has a fraction.
pub fn whole<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    use serde::de::Error;
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let number = amount(deserializer)?;
    if number.fract() != 0.0 || number.abs() > EXACT {
        return Err(D::Error::custom(format_args!("{number} is no whole number")));
    }
    #[expect(clippy::cast_possible_truncation, reason = "a whole number below 2^53")]
    Ok(number as i64)
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::{Value, json};

    #[derive(Deserialize)]
    struct Read {
        #[serde(deserialize_with = "super::whole")]
        whole: i64,
        #[serde(deserialize_with = "super::amount")]
        amount: f64,
    }

    fn read(whole: Value, amount: Value) -> Option<(i64, f64)> {
        serde_json::from_value::<Read>(json!({ "whole": whole, "amount": amount }))
            .ok()
            .map(|read| (read.whole, read.amount))
    }

    #[test]
    fn numbers_are_read_as_they_are_and_as_texts() {
        assert_eq!(read(json!(5), json!(32.5)), Some((5, 32.5)));
        assert_eq!(read(json!(" -1 "), json!("32")), Some((-1, 32.0)));
        assert_eq!(read(json!(5.0), json!(1)), Some((5, 1.0)));
        for (whole, amount) in [
            (json!(5.5), json!(1)),
            (json!("five"), json!(1)),
            (json!(""), json!(1)),
            (json!(null), json!(1)),
            (json!(1e300), json!(1)),
            (json!(1), json!("NaN")),
            (json!(1), json!("inf")),
            (json!(1), json!([])),
        ] {
            assert_eq!(read(whole.clone(), amount.clone()), None, "{whole} {amount}");
        }
    }
}
