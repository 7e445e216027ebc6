//! The program `jobapp-gig`.

use std::process::ExitCode;

use jobapp_gig_service::{GigConfig, GigPorts, GigService};
use jobapp_platform::config::{Places, Reader};
use jobapp_platform::program::{Host, Opened, Program, Standing, run};
use jobapp_platform::{Address, WaitError};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    run::<Gig>()
}

struct Gig {
    store: Address,
    search: Address,
    peers: Address,
}

impl Program for Gig {
    const SERVICE: &'static str = "gig";
    const ABOUT: &'static str = "Gigs and their search";
    const PORT: u16 = 4004;

    fn read(reader: &mut Reader) -> Option<Self> {
        let store = Places::of(reader, &Places::STORE);
        let (search, peers) = (Places::of(reader, &Places::SEARCH), Places::of(reader, &Places::PEERS));
        Some(Self { store: store?, search: search?, peers: peers? })
    }

    fn stands_on(&self) -> Vec<Standing> {
        vec![Standing::store(&self.store), Standing::search(&self.search), Standing::peers(&self.peers)]
    }

    async fn open(self, host: &Host) -> Result<Opened, WaitError> {
        let store = host.store(&self.store).await?;
        let search = host.search(&self.search).await?;
        let peers = host.peers(&self.peers).await?;
        let ports = host.until_there("the tables", || GigPorts::open(&store, host.shared(), &search)).await?;
        // Gateways tell which category a user looked at, whichever of them it is.
        let ports = GigPorts { categories: peers.categories, ..ports };
        let base = host.base();
        let config = GigConfig {
            seed: base.seed_routes,
            body_limit: base.bodies.words,
            picture_body_limit: base.bodies.picture,
            ..GigConfig::default()
        };
        Ok(Opened::new(GigService::new(ports, config)).storing_in(store))
    }
}
