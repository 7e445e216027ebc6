//! The program `jobapp-auth`.

use std::process::ExitCode;

use jobapp_auth_service::{AuthConfig, AuthPorts, AuthService};
use jobapp_platform::config::{Places, Reader};
use jobapp_platform::program::{Host, Opened, Program, Standing, run};
use jobapp_platform::{Address, WaitError};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    run::<Auth>()
}

struct Auth {
    store: Address,
}

impl Program for Auth {
    const SERVICE: &'static str = "auth";
    const ABOUT: &'static str = "Accounts, passwords, sessions and codes";
    const PORT: u16 = 4003;

    fn read(reader: &mut Reader) -> Option<Self> {
        Some(Self { store: Places::of(reader, &Places::AUTH_STORE)? })
    }

    fn stands_on(&self) -> Vec<Standing> {
        vec![Standing::store(&self.store)]
    }

    async fn open(self, host: &Host) -> Result<Opened, WaitError> {
        let store = host.store(&self.store).await?;
        let ports = host.until_there("the tables", || AuthPorts::open(&store, host.shared())).await?;
        let base = host.base();
        let config = AuthConfig {
            client_url: base.links_lead_to(),
            mailbox: base.mailbox(),
            body_limit: base.bodies.words,
            picture_limit: base.bodies.picture,
            seed: base.seed_routes,
            ..AuthConfig::default()
        };
        Ok(Opened::new(AuthService::new(ports, config)).storing_in(store))
    }
}
