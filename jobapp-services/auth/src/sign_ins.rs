//! How sign-ins end, counted: never whose they are.

use jobapp_auth::{AuthError, OpenSession, SignedIn};
use jobapp_kernel::{ErrorKind, Kinded};
use jobapp_metrics::{Counters, Metrics};

jobapp_metrics::label! {
    /// How a step of a sign-in ended.
    enum Outcome: "outcome" {
        /// A session began.
        SignedIn = "signed_in",
        /// A code was mailed.
        CodeSent = "code_sent",
        /// A code of the authenticator is asked for.
        SecondFactor = "second_factor",
        /// The name or the password was wrong.
        WrongCredentials = "wrong_credentials",
        /// The code was wrong, too old or used up.
        WrongCode = "wrong_code",
        /// Too much was tried from there, or too many codes were mailed.
        TooMany = "too_many",
        /// Something else was wrong with what was asked for.
        Refused = "refused",
        /// It could not be found out.
        Failed = "failed",
    }
}

/// Counts sign-ins. A clone is another handle.
#[derive(Clone)]
pub(crate) struct SignIns(Counters<Outcome>);

impl SignIns {
    pub(crate) fn new(metrics: &Metrics) -> Self {
        Self(metrics.counters("jobapp_sign_ins_total", "Steps of sign-ins, by how they ended.", &[]))
    }

    /// A name and a password were tried.
    pub(crate) fn tried(&self, outcome: &Result<SignedIn, AuthError>) {
        let outcome = match outcome {
            Ok(SignedIn::Open(_)) => Outcome::SignedIn,
            Ok(SignedIn::CodeSent { .. }) => Outcome::CodeSent,
            Ok(SignedIn::SecondFactor { .. }) => Outcome::SecondFactor,
            Err(error) => error.into(),
        };
        self.0.of(outcome).inc();
    }

    /// A code was tried.
    pub(crate) fn code_tried(&self, outcome: &Result<OpenSession, AuthError>) {
        self.0.of(outcome.as_ref().map_or_else(Outcome::from, |_| Outcome::SignedIn)).inc();
    }
}

impl From<&AuthError> for Outcome {
    fn from(error: &AuthError) -> Self {
        match error {
            AuthError::WrongCredentials => Self::WrongCredentials,
            AuthError::WrongCode => Self::WrongCode,
            AuthError::TooManyCodes | AuthError::TooManyAttempts { .. } => Self::TooMany,
            error => match error.kind() {
                ErrorKind::Unavailable | ErrorKind::Internal | ErrorKind::Conflict => Self::Failed,
                _ => Self::Refused,
            },
        }
    }
}
