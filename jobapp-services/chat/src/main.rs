//! The program `jobapp-chat`.

use std::process::ExitCode;

use jobapp_chat_service::{ChatConfig, ChatPorts, ChatService};
use jobapp_platform::config::{Places, Reader};
use jobapp_platform::program::{Host, Opened, Program, Standing, run};
use jobapp_platform::{Address, WaitError};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    run::<Chat>()
}

struct Chat {
    store: Address,
}

impl Program for Chat {
    const SERVICE: &'static str = "chat";
    const ABOUT: &'static str = "Conversations, messages and offers";
    const PORT: u16 = 4007;

    fn read(reader: &mut Reader) -> Option<Self> {
        Some(Self { store: Places::of(reader, &Places::STORE)? })
    }

    fn stands_on(&self) -> Vec<Standing> {
        vec![Standing::store(&self.store)]
    }

    async fn open(self, host: &Host) -> Result<Opened, WaitError> {
        let store = host.store(&self.store).await?;
        let ports = host.until_there("the tables", || ChatPorts::open(&store, host.shared())).await?;
        let base = host.base();
        let config = ChatConfig {
            client_url: base.links_lead_to(),
            body_limit: base.bodies.words,
            file_body_limit: base.bodies.file,
            ..ChatConfig::default()
        };
        Ok(Opened::new(ChatService::new(ports, config)).storing_in(store))
    }
}
