//! Dates and money for people.

use jobapp_kernel::{Money, Timestamp};
use maud::{Markup, html};

/// An instant: `24 November 2026, 10:15 UTC`, with the exact one for programs.
pub fn moment(at: Timestamp) -> Markup {
    let exact = at.to_string();
    let clock = exact.split_once('T').map(|(_, time)| time.chars().take(5).collect::<String>()).unwrap_or_default();
    html! { time datetime=(exact) { (at.to_day_string()) ", " (clock) " UTC" } }
}

/// An amount: `$44.20`, always with its cents, so that columns of amounts line up.
pub fn dollars(amount: Money) -> String {
    let cents = amount.cents().unsigned_abs();
    let sign = if amount.cents() < 0 { "-" } else { "" };
    format!("{sign}${}.{:02}", cents / 100, cents % 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_is_a_day_and_a_time_of_day() {
        let at: Timestamp = "2026-11-24T10:15:42.000Z".parse().unwrap();
        let expected = "<time datetime=\"2026-11-24T10:15:42.000Z\">24 November 2026, 10:15 UTC</time>";
        assert_eq!(moment(at).into_string(), expected);
    }

    #[test]
    fn an_amount_has_its_currency_and_its_cents() {
        for (cents, text) in
            [(4420, "$44.20"), (4000, "$40.00"), (5, "$0.05"), (-150, "-$1.50"), (123_456_789, "$1234567.89")]
        {
            assert_eq!(dollars(Money::from_cents(cents)), text);
        }
    }
}
