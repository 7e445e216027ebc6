//! What is read of a text that arrives in pieces.

/// What happened in the field.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// A long text begins.
    Begins,
    /// The next piece of the text, unescaped.
    Piece(String),
    /// The field came again: of several, the last counts.
    ComesAgain,
}

/// Why reading stopped.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Fault {
    /// What is left beside the text is more than this reader collects.
    #[error("the rest is too large")]
    TooLarge,
    /// The text is not valid UTF-8.
    #[error("not valid UTF-8")]
    NotUtf8,
    /// The text breaks the grammar.
    #[error("{0}")]
    NotJson(&'static str),
}
