//! The order's state machine, declared once: what leads from which phase to which, and who may do it.
//!
//! The table drives the guards of [`crate::Order`] and the [`diagram`] of the documentation. Disputes and timed
//! transitions become further rows.

use std::fmt;
use std::fmt::Write;

use serde::{Deserialize, Serialize};

use crate::extension::InvalidExtension;

/// Where an order stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Phase {
    /// It waits: for the payment, or for a fact that says whether its price is right. Only the buyer sees it.
    AwaitingPayment,
    /// The seller works.
    InProgress,
    /// The seller works and has asked for more time.
    ExtensionRequested,
    /// Work was delivered; the buyer looks at it.
    Delivered,
    /// The buyer approved.
    Completed,
    /// It was given up; what was paid goes back.
    Cancelled,
}

impl Phase {
    /// Every phase.
    pub const ALL: [Self; 6] = [
        Self::AwaitingPayment,
        Self::InProgress,
        Self::ExtensionRequested,
        Self::Delivered,
        Self::Completed,
        Self::Cancelled,
    ];

    /// The exact name, such as `AwaitingPayment`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AwaitingPayment => "AwaitingPayment",
            Self::InProgress => "InProgress",
            Self::ExtensionRequested => "ExtensionRequested",
            Self::Delivered => "Delivered",
            Self::Completed => "Completed",
            Self::Cancelled => "Cancelled",
        }
    }

    /// The wire's status: one of four, the only ones existing clients know.
    pub const fn status(self) -> &'static str {
        match self {
            Self::AwaitingPayment | Self::InProgress | Self::ExtensionRequested => "in progress",
            Self::Delivered => "Delivered",
            Self::Completed => "Completed",
            Self::Cancelled => "Cancelled",
        }
    }

    /// Whether nothing more is to be done.
    pub const fn has_ended(self) -> bool {
        matches!(self, Self::Completed | Self::Cancelled)
    }

    /// The phase in words that follow `This order is`.
    const fn words(self) -> &'static str {
        match self {
            Self::AwaitingPayment => "waiting for its payment to be checked",
            Self::InProgress => "in progress",
            Self::ExtensionRequested => "in progress, with an extension requested",
            Self::Delivered => "delivered",
            Self::Completed => "completed",
            Self::Cancelled => "cancelled",
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.words())
    }
}

/// What can be done with an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Action {
    /// The payment is there and the price is right: the work begins.
    Start,
    /// What the order claims is contradicted: it ends before it began.
    Refuse,
    /// Hand over work; again and again until it is approved.
    Deliver,
    /// Accept the delivered work.
    Approve,
    /// Give the order up.
    Cancel,
    /// Ask for more time.
    RequestExtension,
    /// Grant more time.
    ApproveExtension,
    /// Refuse more time.
    RejectExtension,
    /// Say how it was.
    Review,
    /// Note that the money went back.
    Refund,
}

impl Action {
    /// Every action.
    pub const ALL: [Self; 10] = [
        Self::Start,
        Self::Refuse,
        Self::Deliver,
        Self::Approve,
        Self::Cancel,
        Self::RequestExtension,
        Self::ApproveExtension,
        Self::RejectExtension,
        Self::Review,
        Self::Refund,
    ];

    /// What it does to an order, in words that follow `cannot`.
    const fn passive(self) -> &'static str {
        match self {
            Self::Start => "be started",
            Self::Refuse => "be refused",
            Self::Deliver => "be delivered",
            Self::Approve => "be approved",
            Self::Cancel => "be cancelled",
            Self::RequestExtension => "be extended",
            Self::ApproveExtension => "have an extension approved",
            Self::RejectExtension => "have an extension rejected",
            Self::Review => "be reviewed",
            Self::Refund => "be refunded",
        }
    }

    const fn active(self) -> &'static str {
        match self {
            Self::Start => "start this order",
            Self::Refuse => "refuse this order",
            Self::Deliver => "deliver this order",
            Self::Approve => "approve this order",
            Self::Cancel => "cancel this order",
            Self::RequestExtension => "ask for an extension of this order",
            Self::ApproveExtension => "approve an extension of this order",
            Self::RejectExtension => "reject an extension of this order",
            Self::Review => "review this order",
            Self::Refund => "refund this order",
        }
    }
}

/// Who acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Who {
    /// Who ordered.
    Buyer,
    /// Who works.
    Seller,
    /// The marketplace itself.
    Marketplace,
}

impl Who {
    /// Everybody.
    pub const ALL: [Self; 3] = [Self::Buyer, Self::Seller, Self::Marketplace];

    const fn name(self) -> &'static str {
        match self {
            Self::Buyer => "buyer",
            Self::Seller => "seller",
            Self::Marketplace => "marketplace",
        }
    }
}

/// What a transition does when it is asked for again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// It happens each time.
    Each,
    /// It happens the first time; later it is answered as the first time and changes nothing.
    Once,
    /// It cannot happen here any more. It is answered as the first time if it happened before, and refused otherwise.
    Before,
}

/// A row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transition {
    /// The phase it leaves.
    pub from: Phase,
    /// What is done.
    pub action: Action,
    /// Who does it.
    pub by: Who,
    /// The phase it leads to.
    pub to: Phase,
    /// What a repetition does.
    pub effect: Effect,
}

const fn row(from: Phase, action: Action, by: Who, to: Phase, effect: Effect) -> Transition {
    Transition { from, action, by, to, effect }
}

/// Every transition there is. Whatever is not in here is refused.
pub const TRANSITIONS: &[Transition] = {
    use Action::{
        Approve, ApproveExtension, Cancel, Deliver, Refund, Refuse, RejectExtension, RequestExtension, Review, Start,
    };
    use Effect::{Before, Each, Once};
    use Phase::{AwaitingPayment, Cancelled, Completed, Delivered, ExtensionRequested, InProgress};
    use Who::{Buyer, Marketplace, Seller};
    &[
        row(AwaitingPayment, Start, Marketplace, InProgress, Once),
        row(AwaitingPayment, Refuse, Marketplace, Cancelled, Once),
        row(AwaitingPayment, Cancel, Buyer, Cancelled, Once),
        row(InProgress, Deliver, Seller, Delivered, Each),
        row(InProgress, Cancel, Seller, Cancelled, Once),
        row(InProgress, RequestExtension, Seller, ExtensionRequested, Each),
        row(InProgress, Start, Marketplace, InProgress, Before),
        row(InProgress, ApproveExtension, Buyer, InProgress, Before),
        row(InProgress, RejectExtension, Buyer, InProgress, Before),
        row(ExtensionRequested, ApproveExtension, Buyer, InProgress, Once),
        row(ExtensionRequested, RejectExtension, Buyer, InProgress, Once),
        row(ExtensionRequested, RequestExtension, Seller, ExtensionRequested, Each),
        row(ExtensionRequested, Deliver, Seller, Delivered, Each),
        row(ExtensionRequested, Cancel, Seller, Cancelled, Once),
        row(ExtensionRequested, Start, Marketplace, ExtensionRequested, Before),
        row(Delivered, Deliver, Seller, Delivered, Each),
        row(Delivered, Approve, Buyer, Completed, Once),
        row(Delivered, ApproveExtension, Buyer, Delivered, Before),
        row(Delivered, RejectExtension, Buyer, Delivered, Before),
        row(Delivered, Start, Marketplace, Delivered, Before),
        row(Completed, Approve, Buyer, Completed, Before),
        row(Completed, ApproveExtension, Buyer, Completed, Before),
        row(Completed, RejectExtension, Buyer, Completed, Before),
        row(Completed, Review, Buyer, Completed, Once),
        row(Completed, Review, Seller, Completed, Once),
        row(Completed, Start, Marketplace, Completed, Before),
        row(Cancelled, Cancel, Buyer, Cancelled, Before),
        row(Cancelled, Cancel, Seller, Cancelled, Before),
        row(Cancelled, Refuse, Marketplace, Cancelled, Before),
        row(Cancelled, Refund, Marketplace, Cancelled, Once),
    ]
};

/// What the machine says to an allowed action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// It happens and leads here.
    Go(Phase),
    /// It happened before: answer as then, change nothing.
    Repeat,
}

/// Why an action is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Not in this phase.
    #[error("This order is {phase}: it cannot {}.", action.passive())]
    NotNow {
        /// What was asked for.
        action: Action,
        /// Where the order stands.
        phase: Phase,
    },
    /// Not once more: it was done as often as it may be.
    #[error("This order cannot {} more than {most} times.", action.passive())]
    TooOften {
        /// What was asked for.
        action: Action,
        /// How often it can be done.
        most: usize,
    },
    /// More time is asked for, but not so.
    #[error(transparent)]
    Extension(#[from] InvalidExtension),
    /// Never by this side.
    #[error("The {} cannot {}.", by.name(), action.active())]
    NotYours {
        /// What was asked for.
        action: Action,
        /// Who asked.
        by: Who,
    },
}

/// Looks the action up. `done` says whether the same side did the same thing before.
///
/// # Errors
/// [`Refused`] when there is no such transition.
pub fn decide(phase: Phase, action: Action, by: Who, done: bool) -> Result<Decision, Refused> {
    let mut same = TRANSITIONS.iter().filter(|row| row.action == action && row.by == by).peekable();
    if same.peek().is_none() {
        return Err(Refused::NotYours { action, by });
    }
    match same.find(|row| row.from == phase) {
        Some(Transition { effect: Effect::Each, to, .. }) => Ok(Decision::Go(*to)),
        Some(Transition { effect: Effect::Once, to, .. }) if !done => Ok(Decision::Go(*to)),
        Some(_) if done => Ok(Decision::Repeat),
        _ => Err(Refused::NotNow { action, phase }),
    }
}

/// The machine as a Mermaid state diagram: repetitions are left out.
pub fn diagram() -> String {
    let mut text = String::from("stateDiagram-v2\n    [*] --> AwaitingPayment\n");
    for row in TRANSITIONS.iter().filter(|row| row.effect != Effect::Before) {
        let (from, to, action, by) = (row.from.name(), row.to.name(), row.action.active(), row.by.name());
        let action = action.replace(" this order", "").replace(" of this order", "");
        writeln!(text, "    {from} --> {to}: {by}: {action}").expect("writing to a text cannot fail");
    }
    for end in Phase::ALL.into_iter().filter(|phase| phase.has_ended()) {
        writeln!(text, "    {} --> [*]", end.name()).expect("writing to a text cannot fail");
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// The whole machine as one picture: a row for each action and side, a column for each phase.
    /// `>X` leads to X each time, `1X` leads to X once, `=` repeats only, `.` is refused now, `#` is never allowed.
    fn picture() -> String {
        let mut lines = String::new();
        for action in Action::ALL {
            for by in Who::ALL {
                write!(lines, "{action:?} {by:?}:").unwrap();
                for phase in Phase::ALL {
                    let (first, again) = (decide(phase, action, by, false), decide(phase, action, by, true));
                    let cell = match (first, again) {
                        (Ok(Decision::Go(to)), Ok(Decision::Go(_))) => format!(">{to:?}"),
                        (Ok(Decision::Go(to)), Ok(Decision::Repeat)) => format!("1{to:?}"),
                        (Err(Refused::NotNow { .. }), Ok(Decision::Repeat)) => "=".to_owned(),
                        (Err(Refused::NotNow { .. }), Err(Refused::NotNow { .. })) => ".".to_owned(),
                        (Err(Refused::NotYours { .. }), Err(Refused::NotYours { .. })) => "#".to_owned(),
                        other => panic!("{phase:?} {action:?} {by:?}: {other:?}"),
                    };
                    write!(lines, " {cell}").unwrap();
                }
                lines.push('\n');
            }
        }
        lines
    }

    #[test]
    fn every_phase_action_and_side_has_its_answer() {
        let expected = "\
Start Buyer: # # # # # #
Start Seller: # # # # # #
Start Marketplace: 1InProgress = = = = .
Refuse Buyer: # # # # # #
Refuse Seller: # # # # # #
Refuse Marketplace: 1Cancelled . . . . =
Deliver Buyer: # # # # # #
Deliver Seller: . >Delivered >Delivered >Delivered . .
Deliver Marketplace: # # # # # #
Approve Buyer: . . . 1Completed = .
Approve Seller: # # # # # #
Approve Marketplace: # # # # # #
Cancel Buyer: 1Cancelled . . . . =
Cancel Seller: . 1Cancelled 1Cancelled . . =
Cancel Marketplace: # # # # # #
RequestExtension Buyer: # # # # # #
RequestExtension Seller: . >ExtensionRequested >ExtensionRequested . . .
RequestExtension Marketplace: # # # # # #
ApproveExtension Buyer: . = 1InProgress = = .
ApproveExtension Seller: # # # # # #
ApproveExtension Marketplace: # # # # # #
RejectExtension Buyer: . = 1InProgress = = .
RejectExtension Seller: # # # # # #
RejectExtension Marketplace: # # # # # #
Review Buyer: . . . . 1Completed .
Review Seller: . . . . 1Completed .
Review Marketplace: # # # # # #
Refund Buyer: # # # # # #
Refund Seller: # # # # # #
Refund Marketplace: . . . . . 1Cancelled
";
        assert_eq!(picture(), expected);
    }

    #[test]
    fn no_row_is_there_twice() {
        let keys: BTreeSet<_> = TRANSITIONS.iter().map(|row| (row.from, row.action, row.by)).collect();
        assert_eq!(keys.len(), TRANSITIONS.len());
    }

    #[test]
    fn every_phase_is_reached_and_every_open_phase_can_end() {
        let mut reached = BTreeSet::from([Phase::AwaitingPayment]);
        let mut ending: BTreeSet<_> = Phase::ALL.into_iter().filter(|phase| phase.has_ended()).collect();
        for _ in Phase::ALL {
            for row in TRANSITIONS.iter().filter(|row| row.effect != Effect::Before) {
                if reached.contains(&row.from) {
                    reached.insert(row.to);
                }
                if ending.contains(&row.to) {
                    ending.insert(row.from);
                }
            }
        }
        assert_eq!(reached, BTreeSet::from(Phase::ALL));
        assert_eq!(ending, BTreeSet::from(Phase::ALL));
    }

    #[test]
    fn refusals_name_the_state() {
        let refused = decide(Phase::Cancelled, Action::Deliver, Who::Seller, false).unwrap_err();
        assert_eq!(refused.to_string(), "This order is cancelled: it cannot be delivered.");
        let refused = decide(Phase::InProgress, Action::Deliver, Who::Buyer, false).unwrap_err();
        assert_eq!(refused.to_string(), "The buyer cannot deliver this order.");
    }

    #[test]
    fn the_diagram_shows_every_change() {
        let diagram = diagram();
        assert!(diagram.contains("Delivered --> Completed: buyer: approve\n"), "{diagram}");
        assert_eq!(
            diagram.lines().count(),
            2 + 2 + TRANSITIONS.iter().filter(|row| row.effect != Effect::Before).count()
        );
    }
}
