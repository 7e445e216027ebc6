//! The places of events.

use std::fmt;
use std::str::FromStr;

/// An event's place in the order of all events. Its text is the offset a client sends back when it resumes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// Grows with every new beginning of the order; where an event's place is a time and a number in it, this is the time.
    pub era: u64,
    /// Grows with every event of an era.
    pub number: u64,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}-{:x}", self.era, self.number)
    }
}

/// A text that is no position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is no position")]
pub struct NoPosition;

impl FromStr for Position {
    type Err = NoPosition;

    fn from_str(text: &str) -> Result<Self, NoPosition> {
        let (era, number) = text.split_once('-').ok_or(NoPosition)?;
        let hex = |text: &str| u64::from_str_radix(text, 16).map_err(|_| NoPosition);
        Ok(Self { era: hex(era)?, number: hex(number)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_survives_being_written() {
        let position = Position { era: 1_700_000_000_000, number: 255 };
        assert_eq!(position.to_string().parse(), Ok(position));
        assert_eq!("".parse::<Position>(), Err(NoPosition));
        assert_eq!("12".parse::<Position>(), Err(NoPosition));
        assert_eq!("x-1".parse::<Position>(), Err(NoPosition));
    }
}
