//! The program `jobapp-users`.

use std::process::ExitCode;

use jobapp_platform::config::{Places, Reader};
use jobapp_platform::program::{Host, Opened, Program, Standing, run};
use jobapp_platform::{Address, WaitError};
use jobapp_users_service::{UsersConfig, UsersPorts, UsersService};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    run::<Users>()
}

struct Users {
    store: Address,
}

impl Program for Users {
    const SERVICE: &'static str = "users";
    const ABOUT: &'static str = "Buyers and sellers";
    const PORT: u16 = 4005;

    fn read(reader: &mut Reader) -> Option<Self> {
        Some(Self { store: Places::of(reader, &Places::STORE)? })
    }

    fn stands_on(&self) -> Vec<Standing> {
        vec![Standing::store(&self.store)]
    }

    async fn open(self, host: &Host) -> Result<Opened, WaitError> {
        let store = host.store(&self.store).await?;
        let ports = host.until_there("the tables", || UsersPorts::open(&store, host.shared())).await?;
        let base = host.base();
        let config = UsersConfig {
            seed: base.seed_routes,
            body_limit: base.bodies.words,
            picture_body_limit: base.bodies.picture,
            ..UsersConfig::default()
        };
        Ok(Opened::new(UsersService::new(ports, config)).storing_in(store))
    }
}
