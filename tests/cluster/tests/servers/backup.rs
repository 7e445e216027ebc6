//! Databases are copied while people are busy, and a marketplace elsewhere goes on with the copy.

use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;

use anyhow::{Context, ensure};
use jobapp_cluster::{Cluster, Place, Plan};

use crate::busy::{Busy, Two};
use crate::journey::travel;
use crate::journeys::{options, same, stored};
use crate::people::Person;
use crate::world::{cluster, until};

/// What is copied while everybody works fits together: every order is counted, every gig is found, every notice is there. What is copied at rest
/// is the same to the letter, and business goes on there.
#[tokio::test(flavor = "multi_thread")]
async fn a_copy_made_under_load_goes_on_elsewhere() {
    let secret = || format!("{:032x}", rand::random::<u128>());
    let settings = vec![
        (None, "JWT_TOKEN", secret()),
        (None, "GATEWAY_JWT_TOKEN", secret()),
        (None, "JOBAPP_RATE_LIMITS", "off".to_owned()),
    ];
    let plan = Plan { each: 2, settings, ..Plan::default() };
    let world = cluster(plan.clone()).await;
    // With one of each, broker and index of its own.
    let elsewhere = Cluster::prepare(&Plan { each: 1, ..plan }).await.unwrap();
    let two = Arc::new(Two::meet(world.url()).await.unwrap());

    let busy = Busy::begin(&two);
    let before = until(async || {
        let stored = two.stored().await?;
        ensure!(stored.orders.len() >= 15, "only {} orders", stored.orders.len());
        Ok(stored)
    })
    .await;
    copy(&world, &elsewhere).await.unwrap();
    let done = busy.end().await;
    until(async || two.has_all_of(&done).await).await;

    elsewhere.begin().await.unwrap();
    let there = two.at(elsewhere.url()).await.unwrap();
    let copied = until(async || there.all().await).await;
    assert!(copied.messages.len() >= before.messages.len() && done.messages.starts_with(&copied.messages));
    assert!(copied.orders.len() >= before.orders.len() && done.orders.starts_with(&copied.orders));
    assert!(copied.gigs.len() >= before.gigs.len() && copied.gigs.iter().all(|gig| done.gigs.contains(gig)));
    assert!(elsewhere.stop().unwrap());

    copy(&world, &elsewhere).await.unwrap();
    elsewhere.begin().await.unwrap();
    until(async || same(&stored(&world)?, &stored(&elsewhere)?)).await;
    travel(&options(elsewhere.url(), "000003", None)).await.unwrap();
}

/// Copies everything of one marketplace, as an operator does, while nothing is under way between its services.
async fn copy(from: &Cluster, to: &Cluster) -> anyhow::Result<()> {
    let (one, other) = (database(from)?, database(to)?);
    let folder = tempfile::tempdir()?;
    let (ready, copied) = (folder.path().join("ready"), folder.path().join("copied"));
    let wait = r#"touch "$0" && while ! [ -e "$1" ]; do sleep 0.1; done"#;
    let mut command = from.ctl()?;
    command.args(["hold", "--", "sh", "-c", wait]).args([&ready, &copied]).stdin(Stdio::null());
    let mut holding = tokio::process::Command::from(command).kill_on_drop(true).spawn()?;
    tokio::select! {
        ended = holding.wait() => anyhow::bail!("events are not held back: {}", ended?),
        () = until(async || ready.exists().then_some(()).ok_or("events are not held back yet")) => {}
    }
    let address = one.own().address().await;
    other
        .own()
        .shell("psql -q -U postgres -d template1 -c 'DROP DATABASE postgres' -c 'CREATE DATABASE postgres'")
        .await;
    let dump = format!("PGPASSWORD=jobapp pg_dump -h {address} -U postgres postgres");
    other
        .own()
        .shell(&format!("{dump} > /tmp/copy.sql && psql -q -v ON_ERROR_STOP=1 -U postgres -f /tmp/copy.sql"))
        .await;
    std::fs::write(&copied, "")?;
    let ended = holding.wait().await?;
    ensure!(ended.success(), "{ended}");
    // Pictures and files never change, so that they may be copied later. The index is made anew.
    drop(std::fs::remove_dir_all(to.folder().join("media")));
    drop(std::fs::remove_dir_all(to.folder().join("search")));
    copy_files(&from.folder().join("media"), &to.folder().join("media"))
}

fn database(cluster: &Cluster) -> anyhow::Result<&Place> {
    cluster.servers().postgres.as_ref().context("no PostgreSQL")
}

fn copy_files(from: &Path, to: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        match entry.file_type()?.is_dir() {
            true => copy_files(&entry.path(), &to)?,
            false => drop(std::fs::copy(entry.path(), to)?),
        }
    }
    Ok(())
}

impl Two {
    /// The same two at another marketplace, with sessions of there.
    async fn at(&self, base: &str) -> anyhow::Result<Self> {
        let (buyer, seller) =
            (Person::sign_in(base, &self.buyer.name).await?, Person::sign_in(base, &self.seller.name).await?);
        let (buyer_id, seller_id) = (self.buyer_id.clone(), self.seller_id.clone());
        Ok(Self { buyer, buyer_id, seller, seller_id, gig: self.gig.clone() })
    }
}
