//! Chance from the operating system's seeded generator.

use jobapp_users::Dice;

pub(crate) struct ThreadDice;

impl Dice for ThreadDice {
    fn below(&self, sides: u64) -> u64 {
        if sides == 0 { 0 } else { rand::random_range(0..sides) }
    }
}
