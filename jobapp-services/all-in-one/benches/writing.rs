//! Writes into a marketplace, whatever it is made of: messages, gigs, orders and sign-ups over 1, 32 and 256 connections.

use std::str::FromStr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;

use crate::crowd::{self, Person, text};
use crate::load::{self, Call, Connection};

/// How many people there are: each connection can be somebody else's.
const PEOPLE: usize = 256;
const CONNECTIONS: [usize; 3] = [1, 32, 256];
/// Payments are made beforehand; a run ends when they are used up.
const PAID: usize = 2_048;
/// A sign-up is a hash of its own: a run ends after so many.
const SIGN_UPS: usize = 512;

/// A kind of writes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Writes {
    Messages,
    Gigs,
    Orders,
    SignUps,
}

impl FromStr for Writes {
    type Err = anyhow::Error;

    fn from_str(name: &str) -> anyhow::Result<Self> {
        match name {
            "messages" => Ok(Self::Messages),
            "gigs" => Ok(Self::Gigs),
            "orders" => Ok(Self::Orders),
            "sign-ups" => Ok(Self::SignUps),
            _ => anyhow::bail!("{name} is not measured: messages, gigs, orders and sign-ups are"),
        }
    }
}

/// A marketplace that is measured.
pub(crate) trait Market {
    /// Where its gateway is reached, on this machine.
    fn port(&self) -> u16;

    /// The CPU time of all its processes so far.
    fn cpu_seconds(&self) -> anyhow::Result<f64>;

    /// How often it waited for the disk so far, where that is counted.
    async fn synced(&self) -> anyhow::Result<Option<u64>>;

    /// Waits until nothing is under way any more.
    async fn settled(&self) -> anyhow::Result<()>;

    /// The CPU time of the hash of a password, if it is to be told apart.
    async fn hash_seconds(&self) -> anyhow::Result<Option<f64>>;
}

/// A marketplace with its people.
pub(crate) struct Measured<M> {
    pub(crate) market: M,
    time: Duration,
    people: Arc<Vec<Person>>,
}

impl<M: Market> Measured<M> {
    /// Signs people up. Each figure is measured for this long.
    pub(crate) async fn filled(market: M, time: Duration) -> anyhow::Result<Self> {
        println!("{PEOPLE} people sign up …");
        let people = crowd::gather(market.port(), PEOPLE).await?;
        market.settled().await?;
        Ok(Self { market, time, people })
    }

    /// Everything, or what is named.
    pub(crate) async fn measure(&self, only: &[Writes]) -> anyhow::Result<()> {
        let wanted = |writes| only.is_empty() || only.contains(&writes);
        if wanted(Writes::Messages) {
            self.messages().await?;
        }
        if wanted(Writes::Gigs) {
            self.gigs().await?;
        }
        if wanted(Writes::Orders) {
            self.orders().await?;
        }
        if wanted(Writes::SignUps) {
            self.sign_ups().await?;
        }
        Ok(())
    }

    /// Runs, waits for everything that follows, and prints what it came to.
    async fn report(
        &self,
        what: &str,
        connections: usize,
        next: impl Fn(usize, usize) -> Option<Call> + Clone + Send + 'static,
    ) -> anyhow::Result<f64> {
        let (cpu, syncs) = (self.market.cpu_seconds()?, self.market.synced().await?);
        let run = load::run(self.market.port(), connections, self.time, next).await.with_context(|| what.to_owned())?;
        let done = Instant::now();
        self.market.settled().await?;
        let writes = run.answered.len() as f64;
        let cpu = (self.market.cpu_seconds()? - cpu) / writes;
        let syncs = match (syncs, self.market.synced().await?) {
            (Some(before), Some(after)) => format!("{:5.2} fsyncs, ", (after - before) as f64 / writes),
            _ => String::new(),
        };
        println!(
            "{what:32} {connections:4} at once: {:6.0} a second, p50 {:7.2} ms, p99 {:7.2} ms, CPU {:6.3} ms, \
             {syncs}settled after {:.1} s, {} refused",
            run.a_second(),
            run.percentile(0.5).as_secs_f64() * 1e3,
            run.percentile(0.99).as_secs_f64() * 1e3,
            cpu * 1e3,
            done.elapsed().as_secs_f64(),
            run.refused,
        );
        if let Some(refusal) = run.first_refusal {
            println!("    the first refusal: {refusal}");
        }
        Ok(cpu)
    }

    async fn messages(&self) -> anyhow::Result<()> {
        let mut connection = Connection::open(self.market.port()).await?;
        let mut conversations = Vec::new();
        for pair in self.people.chunks_exact(2) {
            let answer = connection.call(crowd::message(&pair[0], &pair[1], "")).await?.json()?;
            conversations.push(text(&answer, "/conversationId")?);
        }
        let conversations = Arc::new(conversations);
        self.market.settled().await?;
        for (what, pairs) in [("messages into one conversation", 1), ("messages into many conversations", PEOPLE / 2)] {
            for connections in CONNECTIONS {
                let (people, conversations) = (Arc::clone(&self.people), Arc::clone(&conversations));
                let next = move |place: usize, _| {
                    let pair = place % pairs;
                    Some(crowd::message(&people[pair * 2], &people[pair * 2 + 1], &conversations[pair]))
                };
                self.report(what, connections, next).await?;
            }
        }
        Ok(())
    }

    async fn gigs(&self) -> anyhow::Result<()> {
        for connections in CONNECTIONS {
            let people = Arc::clone(&self.people);
            let next = move |place: usize, number| {
                let title = format!("I will make logo number {connections} {place} {number}");
                Some(crowd::gig(&people[place % PEOPLE], &title))
            };
            self.report("gigs", connections, next).await?;
        }
        Ok(())
    }

    async fn orders(&self) -> anyhow::Result<()> {
        let mut connection = Connection::open(self.market.port()).await?;
        let mut gigs = Vec::new();
        for person in self.people.iter() {
            let answer = connection.call(crowd::gig(person, "I will make logo sketches")).await?.json()?;
            gigs.push(text(&answer, "/gig/id")?);
        }
        let gigs = Arc::new(gigs);
        self.market.settled().await?;
        for connections in CONNECTIONS {
            let intents = Arc::new(self.paid(PAID.min(connections * 64), connections).await?);
            let (people, gigs) = (Arc::clone(&self.people), Arc::clone(&gigs));
            let next = move |place: usize, number: usize| {
                let intent = intents[place].get(number)?;
                let (buyer, seller) = (place % PEOPLE, (place + 1) % PEOPLE);
                let number = format!("JO{connections:03}{place:03}{number:05}");
                Some(crowd::order(&people[buyer], &people[seller], &gigs[seller], intent, &number))
            };
            self.report("orders", connections, next).await?;
        }
        Ok(())
    }

    /// Payments, for each connection as many.
    async fn paid(&self, all: usize, connections: usize) -> anyhow::Result<Vec<Vec<String>>> {
        let mut paying = tokio::task::JoinSet::new();
        for place in 0..connections {
            let (people, port) = (Arc::clone(&self.people), self.market.port());
            paying.spawn(async move {
                let mut connection = Connection::open(port).await?;
                let mut intents = Vec::new();
                for _ in 0..all / connections {
                    intents.push(crowd::pay(&mut connection, &people[place % PEOPLE]).await?);
                }
                anyhow::Ok((place, intents))
            });
        }
        let mut intents = vec![Vec::new(); connections];
        while let Some(done) = paying.join_next().await {
            let (place, paid) = done??;
            intents[place] = paid;
        }
        self.market.settled().await?;
        Ok(intents)
    }

    async fn sign_ups(&self) -> anyhow::Result<()> {
        for connections in CONNECTIONS {
            let next = move |place: usize, number: usize| {
                let some = number * connections + place < SIGN_UPS;
                some.then(|| crowd::sign_up(&format!("n{connections:03}{place:03}{number:04}")))
            };
            let cpu = self.report("sign-ups, with their hashes", connections, next).await?;
            let Some(hash) = self.market.hash_seconds().await? else { continue };
            println!(
                "    a hash alone is {:.1} ms of CPU; the rest of a sign-up {:.3} ms",
                hash * 1e3,
                (cpu - hash) * 1e3
            );
        }
        Ok(())
    }
}
