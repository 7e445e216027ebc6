//! One adapter swapped by its address, in a program that does not know which it got.
//!
//! ```text
//! cargo run --example swap_an_adapter -- memory:
//! cargo run --example swap_an_adapter -- sqlite:buyers.db
//! ```
//!
//! In your own `Cargo.toml`: `jobapp = { …, features = ["services", "sqlite"] }`. The scheme of an address chooses the technology; how
//! another one gets an arm of its own is told in `docs/adding-a-technology.md`.
#![expect(clippy::print_stdout, reason = "an example speaks to its reader")]

use anyhow::ensure;
use jobapp::platform::{Address, Shared, Store};
use jobapp::services::users::UsersPorts;
use jobapp::users::{NewBuyer, Users};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    match std::env::args().nth(1) {
        Some(address) => println!("{} buyers", visit(&address, "Marta").await?),
        None => run().await?,
    }
    Ok(())
}

/// The whole example. Fails with the first thing that is not as it says.
pub async fn run() -> anyhow::Result<()> {
    let folder = std::env::temp_dir().join(format!("jobapp-swap-{}", std::process::id()));
    let file = format!("sqlite:{}", folder.join("buyers.db").display());
    for (address, then) in [("memory:", 1), (file.as_str(), 2)] {
        ensure!(visit(address, "Marta").await? == 1, "{address} was not empty");
        ensure!(visit(address, "Ana").await? == then, "{address} forgot, or did not");
    }
    std::fs::remove_dir_all(&folder)?;
    let unknown = visit("pigeon:loft", "Iria").await.err().map(|error| error.to_string());
    println!("{}", unknown.unwrap_or_default());
    Ok(())
}

/// Tells the store at an address of a buyer, as a process that starts, works and ends. Returns how many it then has.
async fn visit(address: &str, username: &str) -> anyhow::Result<usize> {
    let store = Store::open(&Address::parse("the first argument", address), None).await?;
    let ports = UsersPorts::open(&store, &Shared::in_memory()).await?;
    let (buyers, clock) = (ports.users.buyers.clone(), ports.users.clock.clone());
    let buyer = NewBuyer {
        username: username.to_owned(),
        email: format!("{}@example.org", username.to_lowercase()),
        picture: "https://img.example.org/1.png".to_owned(),
        country: "Spain".to_owned(),
        created_at: clock.now(),
    };
    Users::new(ports.users).create_buyer(buyer).await?;
    let count = buyers.scan(None, 100).await?.len();
    store.close().await?;
    Ok(count)
}
