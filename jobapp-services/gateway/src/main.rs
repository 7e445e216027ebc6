//! The program `jobapp-gateway`.

use std::process::ExitCode;
use std::sync::Arc;

use jobapp_gateway_service::{Gateway, GatewayConfig, GatewayPorts, Neighbours, Policy};
use jobapp_platform::config::{Developing, Places, Reader, Web};
use jobapp_platform::program::{Base, Host, Opened, Program, Standing, run};
use jobapp_platform::{Address, WaitError};
use jobapp_runtime::ServerConfig;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    run::<TheGateway>()
}

struct TheGateway {
    peers: Address,
    services: Neighbours,
    origins: Vec<String>,
    policy: Policy,
}

impl Program for TheGateway {
    const SERVICE: &'static str = "gateway";
    const ABOUT: &'static str = "The only door to the marketplace: the API, the sockets and the pages";
    const PORT: u16 = 4000;

    fn read(reader: &mut Reader) -> Option<Self> {
        let (peers, services) = (Places::of(reader, &Places::PEERS), Neighbours::read(reader));
        let (origins, developer_mode) = (Web::allowed_origins(reader), Developing::read(reader));
        let policy = Policy::read(reader, developer_mode);
        Some(Self { peers: peers?, services: services?, origins, policy })
    }

    fn stands_on(&self) -> Vec<Standing> {
        std::iter::once(Standing::peers(&self.peers)).chain(self.services.stand()).collect()
    }

    fn server(&self, base: &Base) -> ServerConfig {
        ServerConfig { uncounted: self.policy.trusted_proxies.clone(), ..base.connections.server(true) }
    }

    async fn open(self, host: &Host) -> Result<Opened, WaitError> {
        let (peers, shared) = (host.peers(&self.peers).await?, host.shared());
        let config = self.policy.applied_to(GatewayConfig::of(host.base(), self.origins));
        let upstreams = self.services.upstreams(shared.gateway_tokens.clone(), &config.guards);
        let categories = peers.categories.clone();
        let ports = GatewayPorts::among(peers, categories)
            .standing_on(Arc::new(host.readiness().clone()))
            .counted_in(shared.metrics.clone())
            .traced_in(shared.traces.clone());
        let gateway = Gateway::start(upstreams, shared.user_tokens.clone(), ports, config).await;
        let pages = host.media_pages().merge(host.for_developers(self.services.developer_pages()));
        let door = gateway.door_with(&[], pages);
        Ok(Opened::new(gateway).answering_all(axum::Router::new().fallback_service(door)))
    }
}
