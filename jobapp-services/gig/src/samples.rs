//! Believable gigs for sample sellers.

use jobapp_gigs::{Content, GigId, Seller};
use jobapp_kernel::{Money, ObjectId};
use sha2::{Digest, Sha256};

struct Sample {
    title: &'static str,
    description: &'static str,
    category: &'static str,
    sub_category: &'static str,
    tags: &'static [&'static str],
    cents: i64,
    delivery: &'static str,
    basic_title: &'static str,
    basic_description: &'static str,
}

const SAMPLES: [Sample; 8] = [
    Sample {
        title: "I will draw a logo that works small and in one colour",
        description: "You tell me what your business does and who it is for. I draw three directions by hand, you choose one, \
            and I finish it as vectors for print, web and a favicon. Two rounds of changes are included.",
        category: "Graphics & Design",
        sub_category: "Logo Design",
        tags: &["logo", "branding", "vector"],
        cents: 6500,
        delivery: "4 Days Delivery",
        basic_title: "One finished logo",
        basic_description: "Three directions, one finished logo, two rounds of changes",
    },
    Sample {
        title: "I will find out why your newsletter is not opened",
        description: "I read your last ten mailings and their numbers, compare subject lines, senders and times, and write down \
            what to try first. You get a short report and three new subject lines ready to test.",
        category: "Digital Marketing",
        sub_category: "Email Marketing",
        tags: &["newsletter", "email", "copy"],
        cents: 4800,
        delivery: "3 Days Delivery",
        basic_title: "Newsletter check",
        basic_description: "A report of two pages and three subject lines to test",
    },
    Sample {
        title: "I will translate your product pages from English to Portuguese",
        description: "Native speaker from Porto, ten years of shop texts. I keep your tone, adapt measures and sizes and mark \
            whatever cannot be said the same way. Up to 1,000 words.",
        category: "Writing & Translation",
        sub_category: "Translation",
        tags: &["translation", "portuguese", "shop"],
        cents: 5500,
        delivery: "2 Days Delivery",
        basic_title: "1,000 words",
        basic_description: "Translated, proofread and ready to paste",
    },
    Sample {
        title: "I will edit your interview into a two-minute video",
        description: "Send the raw footage, I cut out what nobody needs to hear, balance the sound, add captions and your logo. \
            You get files for the web and for phones.",
        category: "Video & Animation",
        sub_category: "Video Editing",
        tags: &["video", "editing", "captions"],
        cents: 9000,
        delivery: "5 Days Delivery",
        basic_title: "Two minutes",
        basic_description: "One cut, captions, two formats, one round of changes",
    },
    Sample {
        title: "I will mix your song so that it holds up next to the others",
        description: "Up to sixteen tracks. I clean, balance and mix them, send you a first version within two days and listen \
            to what you hear. Stems and master are included.",
        category: "Music & Audio",
        sub_category: "Mixing & Mastering",
        tags: &["mixing", "mastering", "song"],
        cents: 12_000,
        delivery: "6 Days Delivery",
        basic_title: "One song, sixteen tracks",
        basic_description: "Mix, master and stems, two rounds of changes",
    },
    Sample {
        title: "I will repair the contact form of your website",
        description: "I look at the form, its mail delivery and its spam protection, mend what is broken and show you in a short \
            recording what it was. If I cannot find it, you do not pay.",
        category: "Programming & Tech",
        sub_category: "Website Maintenance",
        tags: &["website", "form", "repair"],
        cents: 3900,
        delivery: "1 Day Delivery",
        basic_title: "One form repaired",
        basic_description: "Found, mended, tested and explained",
    },
    Sample {
        title: "I will turn your spreadsheet into a dashboard that explains itself",
        description: "You send the table and the three questions you ask it every Monday. I clean the data, build the charts and \
            write one sentence under each that says what it shows.",
        category: "Data",
        sub_category: "Data Visualization",
        tags: &["spreadsheet", "dashboard", "charts"],
        cents: 7500,
        delivery: "4 Days Delivery",
        basic_title: "Three questions answered",
        basic_description: "One dashboard with three charts and a note on each",
    },
    Sample {
        title: "I will read your business plan as a bank would",
        description: "Fifteen years in lending. I go through numbers and assumptions, mark what a bank will ask and tell you in \
            a call of half an hour how to answer.",
        category: "Business",
        sub_category: "Business Plans",
        tags: &["business plan", "finance", "review"],
        cents: 14_000,
        delivery: "7 Days Delivery",
        basic_title: "Plan read and discussed",
        basic_description: "Marked copy and a call of thirty minutes",
    },
];

/// The id of the sample gig that this message brings this seller: the same however often the message comes.
pub(crate) fn id(effect: &str, seller: &Seller) -> GigId {
    let digest = Sha256::digest(format!("sample gig|{effect}|{}", seller.id));
    let mut bytes = [0; 12];
    bytes.copy_from_slice(&digest[..12]);
    GigId(ObjectId::from_bytes(bytes))
}

/// A gig for the seller at this place of a list. Its cover is the seller's own picture: there is no other we may show.
pub(crate) fn content(place: usize, seller: &Seller) -> Content {
    let sample = &SAMPLES[place % SAMPLES.len()];
    Content {
        title: sample.title.to_owned(),
        description: sample.description.to_owned(),
        category: sample.category.to_owned(),
        sub_categories: vec![sample.sub_category.to_owned()],
        tags: sample.tags.iter().map(|tag| (*tag).to_owned()).collect(),
        price: Money::from_cents(sample.cents),
        cover_image: seller.picture.clone(),
        expected_delivery: sample.delivery.to_owned(),
        basic_title: sample.basic_title.to_owned(),
        basic_description: sample.basic_description.to_owned(),
    }
}
