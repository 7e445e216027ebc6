//! Measures writes: messages into one conversation and into many, new gigs, orders and sign-ups, over 1, 32 and 256
//! connections. Prints figures, the machine, and what its disk can do in the same run; judges nothing.
//!
//! Waits for the disk are counted in a run of their own, by strace: each that is seen costs several switches between processes,
//! which took more CPU than a message does.
//!
//! `[seconds] [program]`: 5 for each figure, and the `jobapp` beside this program.
#![expect(clippy::print_stdout, reason = "a bench prints")]

mod crowd;
mod load;
#[expect(dead_code, reason = "each bench uses a part of it")]
mod marketplace;
mod process;

use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use crowd::{PASSWORD, Person, text};
use jobapp_auth::PasswordHasher;
use jobapp_auth_service::Argon2Hasher;
use load::{Call, Connection};
use marketplace::{Running, free_port};
use process::{arguments, cpu_seconds, machine, resident_mib};

/// How many people there are: each connection can be somebody else's.
const PEOPLE: usize = 256;
const CONNECTIONS: [usize; 3] = [1, 32, 256];
/// How long everything that follows from a run may take.
const PATIENCE: Duration = Duration::from_secs(300);
/// How long each figure is measured while waits for the disk are counted, at most.
const COUNTED: Duration = Duration::from_secs(2);
/// Payments are made beforehand; a run ends when they are used up.
const PAID: usize = 2_048;
/// A sign-up is a hash of its own: a run ends after so many.
const SIGN_UPS: usize = 512;

/// One thread: the other core is the marketplace's alone, and half of this one.
#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let (seconds, program) = arguments(5, "how many seconds?")?;
    let folder = tempfile::tempdir()?;
    println!("machine: {}", machine());
    let written = synchronous_writes(folder.path())?;
    println!("disk: {written:.0} synchronous writes of 4 KiB a second, one after the other");
    let time = Duration::from_secs(seconds.into());
    let measured = Measured::start(&program, folder.path(), time, None).await?;
    println!("resident when idle: {:.1} MiB", resident_mib(measured.running.0.id())?);
    measured.all().await?;
    println!("resident when idle: {:.1} MiB", resident_mib(measured.running.0.id())?);
    measured.running.stop()?;
    println!(
        "disk: {:.0} synchronous writes of 4 KiB a second, one after the other",
        synchronous_writes(folder.path())?
    );
    if Command::new("strace").arg("-V").stdout(Stdio::null()).status().is_err() {
        println!("fsyncs are not counted: strace is not installed");
        return Ok(());
    }
    println!("once more, with each wait for the disk seen by strace: only they count");
    let counted = folder.path().join("counted");
    std::fs::create_dir(&counted)?;
    let measured = Measured::start(&program, &counted, time.min(COUNTED), Some(counted.join("syncs"))).await?;
    measured.all().await?;
    measured.running.stop()
}

/// How many writes of 4 KiB reach the disk in a second.
fn synchronous_writes(folder: &Path) -> anyhow::Result<f64> {
    let file = std::fs::File::create(folder.join("disk"))?;
    let page = [7; 4096];
    let started = Instant::now();
    let mut count = 0;
    while started.elapsed() < Duration::from_secs(1) {
        file.write_all_at(&page, count % 256 * 4096)?;
        file.sync_data()?;
        count += 1;
    }
    Ok(count as f64 / started.elapsed().as_secs_f64())
}

struct Measured {
    running: Running,
    port: u16,
    time: Duration,
    /// Where each call that waits for the disk has a line.
    syncs: Option<PathBuf>,
    people: Arc<Vec<Person>>,
}

impl Measured {
    async fn start(program: &Path, folder: &Path, time: Duration, syncs: Option<PathBuf>) -> anyhow::Result<Self> {
        let port = free_port()?;
        let mut command = match &syncs {
            // Only the traced calls are stopped at; the process that is started is the marketplace.
            Some(file) => {
                let mut command = Command::new("strace");
                command.args(["-D", "-f", "--seccomp-bpf", "-qq", "-e", "trace=fsync,fdatasync", "-o"]);
                command.arg(file).arg(program);
                command
            }
            None => Command::new(program),
        };
        command.args(["--port", &port.to_string(), "--log", "error", "--rate-limits", "off"]);
        command.arg("--data").arg(folder.join("data")).stdout(Stdio::null());
        let running = Running(command.spawn().with_context(|| format!("{} could not be started", program.display()))?);
        crowd::answers(port).await?;
        println!("{PEOPLE} people sign up …");
        let people = crowd::gather(port, PEOPLE).await?;
        crowd::settled(port, PATIENCE).await?;
        Ok(Self { running, port, time, syncs, people })
    }

    async fn all(&self) -> anyhow::Result<()> {
        self.messages().await?;
        self.gigs().await?;
        self.orders().await?;
        self.sign_ups().await
    }

    /// Runs, waits for everything that follows, and prints what it came to.
    async fn report(
        &self,
        what: &str,
        connections: usize,
        next: impl Fn(usize, usize) -> Option<Call> + Clone + Send + 'static,
    ) -> anyhow::Result<f64> {
        let pid = self.running.0.id();
        let (cpu, syncs) = (cpu_seconds(pid)?, self.synced()?);
        let run = load::run(self.port, connections, self.time, next).await.with_context(|| what.to_owned())?;
        let done = Instant::now();
        crowd::settled(self.port, PATIENCE).await?;
        let writes = run.answered.len() as f64;
        let cpu = (cpu_seconds(pid)? - cpu) / writes;
        if let (Some(before), Some(after)) = (syncs, self.synced()?) {
            println!("{what:32} {connections:4} at once: {:6.2} fsyncs", (after - before) as f64 / writes);
            return Ok(cpu);
        }
        println!(
            "{what:32} {connections:4} at once: {:6.0} a second, p50 {:7.2} ms, p99 {:7.2} ms, CPU {:6.3} ms; \
             settled after {:.1} s, {} refused",
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

    fn synced(&self) -> anyhow::Result<Option<usize>> {
        let Some(file) = &self.syncs else { return Ok(None) };
        let lines = std::fs::read(file)?;
        // A call that another thread interrupted has a second line, which says that it goes on.
        let calls = lines.split(|byte| *byte == b'\n');
        Ok(Some(calls.filter(|line| contains(line, b"sync(")).count()))
    }

    async fn messages(&self) -> anyhow::Result<()> {
        let mut connection = Connection::open(self.port).await?;
        let mut conversations = Vec::new();
        for pair in self.people.chunks_exact(2) {
            let answer = connection.call(crowd::message(&pair[0], &pair[1], "")).await?.json()?;
            conversations.push(text(&answer, "/conversationId")?);
        }
        let conversations = Arc::new(conversations);
        crowd::settled(self.port, PATIENCE).await?;
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
        let mut connection = Connection::open(self.port).await?;
        let mut gigs = Vec::new();
        for person in self.people.iter() {
            let answer = connection.call(crowd::gig(person, "I will make logo sketches")).await?.json()?;
            gigs.push(text(&answer, "/gig/id")?);
        }
        let gigs = Arc::new(gigs);
        crowd::settled(self.port, PATIENCE).await?;
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
            let (people, port) = (Arc::clone(&self.people), self.port);
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
        crowd::settled(self.port, PATIENCE).await?;
        Ok(intents)
    }

    async fn sign_ups(&self) -> anyhow::Result<()> {
        for connections in CONNECTIONS {
            let next = move |place: usize, number: usize| {
                let some = number * connections + place < SIGN_UPS;
                some.then(|| crowd::sign_up(&format!("n{connections:03}{place:03}{number:04}")))
            };
            let cpu = self.report("sign-ups, with their hashes", connections, next).await?;
            if self.syncs.is_some() {
                continue;
            }
            let hash = hash_seconds().await?;
            println!(
                "    a hash alone is {:.1} ms of CPU; the rest of a sign-up {:.3} ms",
                hash * 1e3,
                (cpu - hash) * 1e3
            );
        }
        Ok(())
    }
}

/// The CPU time of a password's hash.
async fn hash_seconds() -> anyhow::Result<f64> {
    const HASHES: u8 = 20;
    let hasher = Argon2Hasher::new()?;
    let hash = hasher.hash(PASSWORD).await?;
    let started = Instant::now();
    for _ in 0..HASHES {
        hasher.verify_here(PASSWORD, &hash)?;
    }
    Ok(started.elapsed().as_secs_f64() / f64::from(HASHES))
}

fn contains(line: &[u8], part: &[u8]) -> bool {
    line.windows(part.len()).any(|window| window == part)
}
