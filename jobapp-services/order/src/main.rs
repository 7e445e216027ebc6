//! The program `jobapp-order`.

use std::process::ExitCode;
use std::sync::Arc;

use jobapp_order_service::{OrderConfig, OrderPorts, OrderService};
use jobapp_platform::config::{Places, Reader};
use jobapp_platform::program::{Host, Opened, Program, Standing, run};
use jobapp_platform::{Address, Payments, WaitError};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    run::<Order>()
}

struct Order {
    store: Address,
    payments: Address,
}

impl Program for Order {
    const SERVICE: &'static str = "order";
    const ABOUT: &'static str = "Orders, their payments and what is delivered";
    const PORT: u16 = 4008;

    fn read(reader: &mut Reader) -> Option<Self> {
        let (store, payments) = (Places::of(reader, &Places::STORE), Places::of(reader, &Places::PAYMENTS));
        Some(Self { store: store?, payments: payments? })
    }

    fn stands_on(&self) -> Vec<Standing> {
        vec![Standing::store(&self.store)]
    }

    async fn open(self, host: &Host) -> Result<Opened, WaitError> {
        let (store, shared) = (host.store(&self.store).await?, host.shared());
        // A provider of our own keeps its payments beside the orders.
        let payments = || Payments::open(&self.payments, &store, Arc::clone(&shared.clock));
        let payments = host.until_there("the provider of payments", payments).await?;
        let ports = host.until_there("the tables", || OrderPorts::open(&store, shared, payments.provider())).await?;
        let base = host.base();
        let config = OrderConfig {
            client_url: base.links_lead_to(),
            body_limit: base.bodies.words,
            file_body_limit: base.bodies.file,
            ..OrderConfig::default()
        };
        let service = OrderService::new(ports, config);
        payments.set_webhook(Arc::new(service.clone()));
        Ok(Opened::new(service).with_pages(host.for_developers(payments.pages())).storing_in(store))
    }
}
