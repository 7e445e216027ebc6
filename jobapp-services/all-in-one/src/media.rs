//! The media folder of the one binary, and what earlier versions left in it.

use std::collections::BTreeSet;
use std::sync::Arc;

use anyhow::Context;
use jobapp_auth::Account;
use jobapp_chat::ChatMessage;
use jobapp_ctl::{Secrets, write_private};
use jobapp_gigs::Gig;
use jobapp_kernel::{Aggregate, Clock};
use jobapp_media::{FolderMedia, MediaLimits, MediaLinks};
use jobapp_orders::Order;
use jobapp_platform::{Address, Media, MediaConfig, Store};
use jobapp_users::{Buyer, Seller};
use secrecy::ExposeSecret;

use crate::databases::advised_to_open;
use crate::stores::Stores;
use crate::{Folder, Settings};

/// Says in the data folder that [`make_private`] is done.
const DONE: &str = "files-are-private";
/// What stands in it.
const NOTE: &str = "Files of messages and deliveries are for their two participants. Without this note, those of an earlier\n\
    version are looked for once more at the next start.\n";
/// How many aggregates are read at once.
const PAGE: usize = 500;

/// Opens the media folder.
pub(crate) fn open(
    settings: &Settings,
    folder: &Folder,
    public_url: &str,
    clock: Arc<dyn Clock>,
) -> anyhow::Result<Media> {
    let path = folder.within("media");
    let limits = MediaLimits::within(settings.picture_body_limit, settings.file_body_limit);
    let links = links(&folder.secrets()?, clock)?;
    let address = Address::new("--data", "file", path.clone());
    let opened = Media::open(&address, MediaConfig { public_url: public_url.to_owned(), limits, links });
    opened.with_context(|| format!("the media folder {}", path.display()))
}

/// Signs the addresses of private files with keys made of secrets that no client ever sees a use of.
fn links(secrets: &Secrets, clock: Arc<dyn Clock>) -> anyhow::Result<MediaLinks> {
    let mut good = secrets.gateway_tokens.good_at(clock.now()).map(|secret| secret.expose_secret().as_bytes());
    let signs = good.next().context("no key signs")?;
    Ok(MediaLinks::new(signs, good, Arc::clone(&clock)))
}

/// Earlier versions kept the files of messages and deliveries for everybody who knew their address. From now on they are for
/// the participants. Done once for a data folder, before anything is served.
///
/// Such a file stays where it is if a profile, a gig or a portrait shows it, too: that is a picture its owner published.
pub(crate) async fn make_private(folder: &Folder, stores: &Stores, media: &Media) -> anyhow::Result<()> {
    let Some(media) = media.folder() else { return Ok(()) };
    let done = folder.within(DONE);
    if done.exists() {
        return Ok(());
    }
    let files = Names::of_files(stores).await.context("the files of an earlier version")?;
    if !files.0.is_empty() {
        let pictures = Names::of_pictures(stores).await.context("the pictures of an earlier version")?;
        let mut count = 0_usize;
        for name in files.0.difference(&pictures.0) {
            let made = media.make_private(name).with_context(|| format!("the file {name} of an earlier version"))?;
            count += usize::from(made);
        }
        tracing::info!(count, "files of an earlier version are private now");
    }
    write_private(&done, NOTE).with_context(|| format!("{} cannot be written", done.display()))
}

/// Names in the media folder, as earlier versions gave them.
#[derive(Debug, Default)]
struct Names(BTreeSet<String>);

impl Names {
    fn add(&mut self, address: &str) {
        self.0.extend(FolderMedia::public_name(address).map(str::to_owned));
    }

    /// What messages and deliveries hand over.
    async fn of_files(stores: &Stores) -> anyhow::Result<Self> {
        let mut names = Self::default();
        each(&stores.chat, |message: &ChatMessage| names.add(&message.content().attachment.url)).await?;
        let mut of_order = |order: &Order| {
            for file in order.record().work.iter().filter_map(|work| work.file.as_deref()) {
                names.add(file);
            }
        };
        each(&stores.order, &mut of_order).await?;
        Ok(names)
    }

    /// What is shown to everybody, now or in what is kept of earlier times.
    async fn of_pictures(stores: &Stores) -> anyhow::Result<Self> {
        let mut names = Self::default();
        each(&stores.auth, |account: &Account| names.add(account.profile_picture())).await?;
        each(&stores.users, |buyer: &Buyer| names.add(buyer.picture())).await?;
        each(&stores.users, |seller: &Seller| names.add(&seller.profile().picture)).await?;
        each(&stores.gig, |gig: &Gig| {
            names.add(&gig.listing().content.cover_image);
            names.add(&gig.listing().seller.picture);
        })
        .await?;
        each(&stores.chat, |message: &ChatMessage| {
            names.add(&message.content().sender.picture);
            names.add(&message.content().receiver.picture);
        })
        .await?;
        each(&stores.order, |order: &Order| {
            let order = order.record();
            for picture in [&order.gig.cover_image, &order.seller.picture, &order.buyer.picture] {
                names.add(picture);
            }
        })
        .await?;
        Ok(names)
    }
}

/// Looks at everything of a kind that a store holds.
async fn each<A: Aggregate>(store: &Store, mut look: impl FnMut(&A)) -> anyhow::Result<()> {
    let repository = store.repository::<A>().await.map_err(advised_to_open)?;
    let mut after: Option<A::Id> = None;
    loop {
        let page = repository.scan(after.as_ref(), PAGE).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = Some(last.value.id().clone());
        page.iter().for_each(|stored| look(&stored.value));
    }
}
