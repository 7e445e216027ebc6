//! Where everything is: as the eight programs are told, by the same variables.

use jobapp_import::Places as OldPlaces;
use jobapp_platform::config::{Bodies, Places, Problem, Reader, Setting, Source, Sources, Tokens, Web, WrongSettings};
use jobapp_platform::program::Base;
use jobapp_platform::{Address, SealingKey};

use crate::output::Usage;

const STORE: &str = "an address such as postgres://jobapp:secret@db/market";

const fn store(name: &'static str, variables: &'static [&'static str]) -> Setting {
    Setting::new(name, variables, STORE).secret().about("The database of the service")
}

/// The stores, by service. The first variable is the service's own; the others are what its program has.
const STORES: [(&str, Setting); 6] = [
    ("auth", store("auth_store", &["JOBAPP_AUTH_STORE", "JOBAPP_STORE", "MYSQL_DB"])),
    ("users", store("users_store", &["JOBAPP_USERS_STORE", "JOBAPP_STORE", "DATABASE_URL"])),
    ("gig", store("gig_store", &["JOBAPP_GIG_STORE", "JOBAPP_STORE", "DATABASE_URL"])),
    ("chat", store("chat_store", &["JOBAPP_CHAT_STORE", "JOBAPP_STORE", "DATABASE_URL"])),
    ("order", store("order_store", &["JOBAPP_ORDER_STORE", "JOBAPP_STORE", "DATABASE_URL"])),
    ("review", store("review_store", &["JOBAPP_REVIEW_STORE", "JOBAPP_STORE", "DATABASE_URL"])),
];

const fn old(name: &'static str, variables: &'static [&'static str]) -> Setting {
    Setting::new(
        name,
        variables,
        "an address such as mysql://reader:secret@db/jobber or mongodb://reader:secret@db/jobber",
    )
    .secret()
    .about("The database of the service of the existing system, to be imported")
    .or("what is in it is not imported")
}

/// The databases of the existing system.
const OLD_AUTH: Setting = old("old_auth", &["JOBAPP_OLD_AUTH"]);
const OLD_USERS: Setting = old("old_users", &["JOBAPP_OLD_USERS"]);
const OLD_GIG: Setting = old("old_gig", &["JOBAPP_OLD_GIG"]);
const OLD_CHAT: Setting = old("old_chat", &["JOBAPP_OLD_CHAT"]);
const OLD_ORDER: Setting = old("old_order", &["JOBAPP_OLD_ORDER"]);
const OLD_REVIEW: Setting = old("old_review", &["JOBAPP_OLD_REVIEW"]);
const OLD: [Setting; 6] = [OLD_AUTH, OLD_USERS, OLD_GIG, OLD_CHAT, OLD_ORDER, OLD_REVIEW];

const fn program(name: &'static str, variables: &'static [&'static str]) -> Setting {
    Setting::new(name, variables, "an address such as http://localhost:4003, or several separated by commas")
        .about("Where the program runs, to be asked how it is")
        .or("it is not asked")
}

/// Where programs run, by service.
const PROGRAMS: [(&str, Setting); 8] = [
    ("gateway", program("gateway_base_url", &["JOBAPP_GATEWAY_BASE_URL"])),
    ("notification", program("notification_base_url", &["JOBAPP_NOTIFICATION_BASE_URL"])),
    ("auth", program("auth_base_url", &["AUTH_BASE_URL"])),
    ("users", program("users_base_url", &["USERS_BASE_URL"])),
    ("gig", program("gig_base_url", &["GIG_BASE_URL"])),
    ("chat", program("message_base_url", &["MESSAGE_BASE_URL"])),
    ("order", program("order_base_url", &["ORDER_BASE_URL"])),
    ("review", program("review_base_url", &["REVIEW_BASE_URL"])),
];

/// The settings, read when a command needs them.
#[derive(Debug, Clone)]
pub(super) struct Settings(Sources);

impl Settings {
    /// Of these sources.
    ///
    /// # Errors
    /// [`WrongSettings`] when a line of the file is no setting.
    pub(super) fn of(sources: Sources) -> Result<Self, WrongSettings> {
        let mut reader = Reader::new(sources.clone());
        know_all(&mut reader);
        reader.finish()?;
        Ok(Self(sources))
    }

    /// Every setting, in the order in which they are told.
    pub(super) fn known() -> Vec<Setting> {
        let mut reader = Reader::new(Sources::new());
        know_all(&mut reader);
        reader.known().to_vec()
    }

    /// What a command cannot do without.
    ///
    /// # Errors
    /// [`Usage`] with every setting that is missing or wrong.
    pub(super) fn need<T>(&self, read: impl FnOnce(&mut Reader) -> Option<T>) -> anyhow::Result<T> {
        self.read(read).map_err(|problems| Usage(WrongSettings(problems).to_string()).into())
    }

    /// What is said in its place when it cannot be had: then in one line.
    pub(super) fn want<T>(&self, read: impl FnOnce(&mut Reader) -> Option<T>) -> Result<T, String> {
        let in_a_line = |problems: Vec<Problem>| {
            let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
            told.join("; ")
        };
        self.read(read).map_err(in_a_line)
    }

    fn read<T>(&self, read: impl FnOnce(&mut Reader) -> Option<T>) -> Result<T, Vec<Problem>> {
        let mut reader = Reader::new(self.0.clone());
        let found = read(&mut reader);
        know_all(&mut reader);
        match (reader.finish(), found) {
            (Ok(()), Some(found)) => Ok(found),
            (Ok(()), None) => Err(Vec::new()),
            (Err(WrongSettings(problems)), _) => Err(problems),
        }
    }
}

/// Notes every setting, so that its line in a file is known, whatever stands there.
fn know_all(reader: &mut Reader) {
    let any = |_: &str| Some(());
    for setting in STORES.iter().chain(&PROGRAMS).map(|(_, setting)| setting).chain(&OLD) {
        let _known = reader.optional(setting, any);
    }
    // Its parts are settings, too, and what is missing is of no interest here.
    let mut parts = Reader::new(Sources::new());
    let _missing = (Places::review_parts(&mut parts), Places::bus(&mut parts));
    let others = [
        Places::SEARCH,
        Places::ANALYTICS,
        Places::PEERS,
        Places::MEDIA,
        Base::SEALING_KEY,
        Tokens::GATEWAY,
        Web::CLIENT_URL,
        Web::PUBLIC_URL,
        Bodies::WORDS,
        Bodies::PICTURE,
        Bodies::FILE,
    ];
    for setting in parts.known().iter().chain(&others) {
        let _known = reader.optional(setting, any);
    }
}

/// The store of a service.
pub(super) fn store_of(reader: &mut Reader, service: &str) -> Option<Address> {
    let setting = STORES.iter().find(|(name, _)| *name == service).map(|(_, setting)| setting)?;
    let own = setting.variables.first()?;
    let is_own = match reader.source_of(setting) {
        Source::Environment(variable) => variable == *own,
        Source::Default(_) => false,
        Source::Flag(_) | Source::File { .. } => true,
    };
    // Before what the others have in common: the parts are this service's alone.
    if service == "review"
        && !is_own
        && let Some(address) = Places::review_parts(reader)
    {
        return Some(address.in_namespace(service));
    }
    let address = Places::of(reader, setting)?;
    if address.scheme() == "sqlite" && !is_own {
        let expected = format!("a database of several services, as a file has one service. Set {own} for {service}");
        reader.complain(setting, expected);
        return None;
    }
    Some(address.in_namespace(service))
}

/// Where the analytics of reviews are, if not with the reviews; `None` when what is set is no address.
#[expect(clippy::option_option, reason = "what is missing and what is wrong differ")]
pub(super) fn analytics(reader: &mut Reader) -> Option<Option<Address>> {
    let address = Places::optional(reader, &Places::ANALYTICS);
    let is_well = address.is_some() || !reader.is_set(&Places::ANALYTICS);
    is_well.then(|| address.map(|address| address.in_namespace("review")))
}

/// What seals that which waits in databases and in a bus of one's own.
pub(super) fn sealing_key(reader: &mut Reader) -> Option<Option<SealingKey>> {
    let key = reader.optional(&Base::SEALING_KEY, jobapp_platform::program::sealing_key);
    (key.is_some() || !reader.is_set(&Base::SEALING_KEY)).then_some(key)
}

/// Where the existing system keeps everything, as far as that is said.
pub(super) fn old_places(reader: &mut Reader) -> Option<OldPlaces> {
    let mut place = |setting: &Setting| reader.optional(setting, |text| Some(text.to_owned()));
    let places = OldPlaces {
        auth: place(&OLD_AUTH),
        users: place(&OLD_USERS),
        gig: place(&OLD_GIG),
        chat: place(&OLD_CHAT),
        order: place(&OLD_ORDER),
        review: place(&OLD_REVIEW),
    };
    if !OLD.iter().any(|setting| reader.is_set(setting)) {
        let expected = "an address, or another database of the existing system: there is nothing to import yet. Set JOBAPP_OLD_AUTH, JOBAPP_OLD_USERS and so on";
        reader.complain(&OLD_AUTH, expected);
        return None;
    }
    Some(places)
}

/// The programs that are asked how they are: of each service those that are named.
pub(super) fn programs(reader: &mut Reader) -> Option<Vec<(&'static str, String)>> {
    let mut programs = Vec::new();
    for (service, setting) in &PROGRAMS {
        let named = reader.optional(setting, |text| Some(text.to_owned())).unwrap_or_default();
        let named = named.split(',').map(str::trim).filter(|address| !address.is_empty());
        programs.extend(named.map(|address| (*service, address.to_owned())));
    }
    Some(programs)
}

/// Where links lead.
pub(super) fn links(reader: &mut Reader) -> Option<String> {
    let web = Web::read(reader);
    Some(web.links_lead_to(web.gateway()).to_owned())
}
