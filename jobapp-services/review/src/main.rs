//! The program `jobapp-review`.

use std::process::ExitCode;
use std::sync::Arc;

use jobapp_platform::config::{Places, Reader};
use jobapp_platform::program::{Host, Opened, Program, Standing, run};
use jobapp_platform::{Address, WaitError};
use jobapp_review_service::{ReviewConfig, ReviewPorts, ReviewService};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    run::<Review>()
}

struct Review {
    store: Address,
    analytics: Option<Address>,
}

impl Program for Review {
    const SERVICE: &'static str = "review";
    const ABOUT: &'static str = "Reviews and their totals";
    const PORT: u16 = 4009;

    fn read(reader: &mut Reader) -> Option<Self> {
        let (store, analytics) = (Places::review_store(reader), Places::optional(reader, &Places::ANALYTICS));
        Some(Self { store: store?, analytics })
    }

    fn stands_on(&self) -> Vec<Standing> {
        [Standing::store(&self.store)].into_iter().chain(self.analytics.as_ref().map(Standing::analytics)).collect()
    }

    async fn open(self, host: &Host) -> Result<Opened, WaitError> {
        let store = host.store(&self.store).await?;
        let ports = match &self.analytics {
            Some(address) => {
                let analytics = host.analytics(address).await?.model;
                let opening = || ReviewPorts::with_analytics(&store, host.shared(), Arc::clone(&analytics));
                host.until_there("the tables", opening).await?
            }
            None => host.until_there("the tables", || ReviewPorts::open(&store, host.shared())).await?,
        };
        let base = host.base();
        let config = ReviewConfig { body_limit: base.bodies.words, ..ReviewConfig::default() };
        Ok(Opened::new(ReviewService::new(ports, config)).storing_in(store))
    }
}
