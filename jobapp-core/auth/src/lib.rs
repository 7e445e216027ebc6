//! Accounts: credentials, sessions and one-time codes.
//!
//! Four aggregates decide. An [`Account`] is who somebody is and how they prove it: name, address, the hash of the
//! password, links in mails, remembered devices. A [`Session`] is where somebody is signed in: a family of refresh tokens
//! of which one is good at a time. A [`PendingSignIn`] is a sign-in that waits for its code: a mailed one for an unknown
//! device, or one of an authenticator. [`Attempts`] count failures by name and place, so that guessing becomes slow.
//! [`Auth`] joins them with the ports: repositories, a [`PasswordHasher`], [`Secrets`], the clock.
//!
//! Nothing that is worth stealing is stored: of links, tokens and codes there are hashes only. The secrets themselves
//! travel in events, to the mail that needs them, and are gone with the outbox entry.
//!
//! ```
//! use jobapp_auth::{Account, Device, EmailAddress, OneTimeSecret, Presented, Registration, Secrets, Session, Username};
//! use jobapp_kernel::{AccountId, ObjectId, Timestamp};
//! use std::time::Duration;
//!
//! # struct Dice(std::sync::atomic::AtomicU8);
//! # impl Secrets for Dice {
//! #     fn fill(&self, bytes: &mut [u8]) { bytes.fill(self.0.fetch_add(1, std::sync::atomic::Ordering::SeqCst)) }
//! # }
//! # let secrets = Dice(Default::default());
//! let now: Timestamp = "2026-11-24T10:00:00Z".parse().unwrap();
//! let laptop = Device { browser: "Firefox".into(), kind: "browser".into() };
//! let registration = Registration {
//!     id: AccountId(1),
//!     username: Username::new("mARTA").unwrap(),
//!     email: EmailAddress::new("Marta@Example.org").unwrap(),
//!     password_hash: "$argon2id$…".into(),
//!     profile_public_id: "6f2c…".into(),
//!     profile_picture: "https://img.example.org/1.png".into(),
//!     country: "Portugal".into(),
//!     devices: vec![laptop.clone()],
//! };
//! let (account, events) = Account::register(registration, Some(OneTimeSecret::link(&secrets)), now);
//! assert_eq!(account.username().as_str(), "Marta");
//! assert_eq!(events.len(), 1);
//!
//! // A session goes on with a new refresh token each time; a spent one ends it.
//! let (session, first) = Session::start(ObjectId::from_bytes([1; 12]).into(), &account, Some(laptop), now, &secrets);
//! let later = now.plus(Duration::from_secs(900));
//! let (session, Presented::Rotated(second), _) = session.present(&first, later, &secrets) else { panic!() };
//! let (session, Presented::Rotated(_), _) = session.present(&second, later.plus(Duration::from_secs(900)), &secrets) else { panic!() };
//! let (session, presented, events) = session.present(&first, later.plus(Duration::from_secs(960)), &secrets);
//! assert_eq!(presented, Presented::Stolen);
//! assert!(session.ended().is_some() && events.len() == 1);
//! ```

mod account;
mod attempts;
mod device;
mod error;
mod name;
mod password;
mod pending;
mod ports;
mod refresh;
mod second_factor;
mod secret;
mod service;
mod session;
#[cfg(test)]
mod testing;

pub use account::{
    Account, AccountEvent, AccountState, DEVICE_TOKEN_LIFETIME, FormerAccount, MAX_DEVICE_TOKENS, MAX_DEVICES,
    RESET_LIFETIME, Registration, ResetRefused, Role, SecondFactorRefused, StoredAccountV1, VERIFY_REPEATS,
    VerificationRefused,
};
pub use attempts::{
    ATTACK, Attempts, AttemptsId, AttemptsState, FAILURES_KEPT, FREE_FAILURES, LONGEST_WAIT, Place, StoredAttemptsV1,
};
pub use device::Device;
pub use error::AuthError;
pub use name::{EmailAddress, InvalidEmail, InvalidUsername, Username};
pub use password::{Password, WeakPassword, check_new};
pub use pending::{
    BegunWith, CODE_COUNTED, CODE_LIFETIME, CODE_TRIES, Guess, PendingSignIn, PendingSignInEvent, PendingSignInId,
    PendingSignInState, StoredPendingV1,
};
pub use ports::{HashError, PasswordHasher, Secrets, Verified};
pub use refresh::RefreshToken;
pub use second_factor::{AuthenticatorKey, RECOVERY_CODES};
pub use secret::{OneTimeSecret, SecretHash, TypedCode};
pub use service::{
    Auth, CallerId, Enrolment, Login, MAX_SEED, MAX_SESSIONS, NewOperator, OpenSession, OperatorMade, Origin,
    PasswordChanged, Policy, Ports, RoleChanged, SecondFactorStatus, Seed, SignIn, SignUp, SignedIn,
};
pub use session::{
    ENDED_KEPT, EndReason, Presented, ROTATION_GRACE, SESSION_LIFETIME, Session, SessionEvent, SessionId, SessionState,
    StoredSessionV1,
};
