//! The eight programs as one marketplace: the journey of the one binary over them, what several of each share, what happens when
//! something is down, and messages that nobody here sent.
//!
//! Each test has servers and programs of its own; they run one after the other, since each is a marketplace.

#[path = "../../../realtime/agent.rs"]
#[expect(dead_code, reason = "the tests of the realtime adapter use more of it")]
mod agent;
mod away;
mod backup;
mod busy;
mod foreign;
#[path = "../../../../examples/journey.rs"]
#[expect(dead_code, reason = "the example's own main is not called here")]
mod journey;
mod journeys;
mod mixed;
mod observed;
mod people;
mod programs;
mod rolling;
mod several;
mod world;
